/* The functions behind the rows of the command table. Each reports its own failure and returns the
 * exit code. */
#ifndef MOOT_TOOLS_VERBS_H
#define MOOT_TOOLS_VERBS_H

struct moot_cli;

int moot_verb_init(struct moot_cli *cli);
int moot_verb_join(struct moot_cli *cli);
int moot_verb_status(struct moot_cli *cli);
int moot_verb_doctor(struct moot_cli *cli);
int moot_verb_version(struct moot_cli *cli);
int moot_verb_device_invite(struct moot_cli *cli);
int moot_verb_device_pending(struct moot_cli *cli);
int moot_verb_device_admit(struct moot_cli *cli);
int moot_verb_device_deny(struct moot_cli *cli);
int moot_verb_device_remove(struct moot_cli *cli);
int moot_verb_device_replace(struct moot_cli *cli);
int moot_verb_device_rename(struct moot_cli *cli);
int moot_verb_device_leave(struct moot_cli *cli);
int moot_verb_device_list(struct moot_cli *cli);
int moot_verb_device_show(struct moot_cli *cli);
int moot_verb_admin_list(struct moot_cli *cli);
int moot_verb_propose_admins(struct moot_cli *cli);
int moot_verb_propose_upgrade(struct moot_cli *cli);
int moot_verb_propose_snapshot(struct moot_cli *cli);
int moot_verb_snapshot_list(struct moot_cli *cli);
int moot_verb_snapshot_show(struct moot_cli *cli);
int moot_verb_snapshot_verify(struct moot_cli *cli);
int moot_verb_snapshot_gc(struct moot_cli *cli);
int moot_verb_approve(struct moot_cli *cli);
int moot_verb_reject(struct moot_cli *cli);
int moot_verb_withdraw(struct moot_cli *cli);
int moot_verb_proposal_show(struct moot_cli *cli);
int moot_verb_proposal_list(struct moot_cli *cli);
int moot_verb_proposal_wait(struct moot_cli *cli);
int moot_verb_proposal_verify(struct moot_cli *cli);
int moot_verb_upgrade_status(struct moot_cli *cli);
int moot_verb_upgrade_activate(struct moot_cli *cli);
int moot_verb_package_build(struct moot_cli *cli);
int moot_verb_package_inspect(struct moot_cli *cli);
int moot_verb_package_verify(struct moot_cli *cli);
int moot_verb_record_put(struct moot_cli *cli);
int moot_verb_record_get(struct moot_cli *cli);
int moot_verb_record_list(struct moot_cli *cli);
int moot_verb_propose_cache(struct moot_cli *cli);
int moot_verb_cache_get(struct moot_cli *cli);
int moot_verb_cache_set(struct moot_cli *cli);
int moot_verb_cache_check(struct moot_cli *cli);
int moot_verb_cache_stats(struct moot_cli *cli);
int moot_verb_journal_stats(struct moot_cli *cli);
int moot_verb_journal_log(struct moot_cli *cli);
int moot_verb_epoch_show(struct moot_cli *cli);
int moot_verb_epoch_wait(struct moot_cli *cli);
int moot_verb_fence_show(struct moot_cli *cli);
int moot_verb_fork_list(struct moot_cli *cli);
int moot_verb_fork_show(struct moot_cli *cli);
int moot_verb_events(struct moot_cli *cli);
int moot_verb_config_show(struct moot_cli *cli);
int moot_verb_help(struct moot_cli *cli);

#endif
