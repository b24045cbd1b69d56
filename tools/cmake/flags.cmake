# The one interface target every target of this project links privately. Nothing is set globally.
include(CheckCCompilerFlag)

add_library(moot_flags INTERFACE)
target_include_directories(moot_flags INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(moot_flags INTERFACE MOOT_VERSION="${PROJECT_VERSION}")
target_compile_options(moot_flags INTERFACE
  -std=c17
  -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes
  -Wmissing-prototypes -Wvla -Wcast-qual -Wformat=2 -Wswitch-enum
  -Werror
  -Werror=incompatible-pointer-types -Werror=implicit-function-declaration -Werror=return-type
  -fmacro-prefix-map=${PROJECT_SOURCE_DIR}/= # __FILE__ names the file, not the machine
  -fno-common -fstack-protector-strong)
target_link_options(moot_flags INTERFACE -Wl,-z,relro,-z,now -Wl,--as-needed)

if(MOOT_SANITIZE)
  target_compile_options(moot_flags INTERFACE
    -fsanitize=${MOOT_SANITIZE} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_link_options(moot_flags INTERFACE -fsanitize=${MOOT_SANITIZE})
endif()
if(MOOT_FUZZ)
  if(NOT CMAKE_C_COMPILER_ID MATCHES "Clang")
    message(FATAL_ERROR "MOOT_FUZZ needs clang: gcc has no libFuzzer")
  endif()
  target_compile_options(moot_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(MOOT_COVERAGE)
  target_compile_options(moot_flags INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(moot_flags INTERFACE --coverage)
endif()
if(MOOT_LTO)
  target_compile_options(moot_flags INTERFACE -flto)
  target_link_options(moot_flags INTERFACE -flto)
endif()

# Pure folders: the compiler itself refuses floating point where it can. gcc refuses to compile it;
# clang calls soft-float helpers instead, and those calls are not on tools/check-purity's list.
set(MOOT_PURE_OPTIONS)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|amd64|AMD64|aarch64|arm64)$")
  check_c_compiler_flag(-mgeneral-regs-only MOOT_HAVE_GENERAL_REGS_ONLY)
  if(MOOT_HAVE_GENERAL_REGS_ONLY)
    list(APPEND MOOT_PURE_OPTIONS -mgeneral-regs-only)
  endif()
endif()

if(MOOT_TIDY)
  find_program(MOOT_CLANG_TIDY clang-tidy REQUIRED)
endif()
