"""Options of the command line that never count for an outcome."""

from __future__ import annotations

from typing import Final

NEUTRAL_OPTIONS: Final = frozenset(
    """verbose verbosity quiet color code_highlight tbstyle showlocals showcapture fulltrace
    reportchars no_header no_summary durations durations_min xmlpath junitprefix junit_xml capture
    show_capture keyword markexpr deselect file_or_dir args lf failedfirst newfirst
    last_failed_no_failures cacheclear cacheshow stepwise stepwise_skip stepwise_reset maxfail
    exitfirst usepdb usepdb_cls trace collectonly pastebin rootdir inifilename basetemp
    numprocesses maxprocesses dist distload tx px n looponfail rsyncdir rsyncignore testrunuid
    maxworkerrestart loadgroup loadscopereorder distribution maxschedchunk cov_source cov_report
    cov_config no_cov no_cov_on_fail cov_append cov_branch cov_fail_under cov_context ignore
    ignore_glob force_short_summary fold_skipped xfail_tb strict_config plugins confcutdir
    continue_on_collection_errors help version traceconfig debug override_ini setuponly setupshow
    setupplan showfixtures show_fixtures_per_test markers pyargs keepduplicates
    collect_in_virtualenv disable_warnings warnings_show log_file log_cli_level log_file_mode
    log_file_level log_file_format log_file_date_format nodeid noconftest_files cov reruns_delay
    randomly_seed durations_path store_durations splits group splitting_algorithm
    timeout_disable_debugger_detection logger_disable invocation_params testmon xdist_group
    usepdbcls session_timeout strict_markers benchmark_save benchmark_autosave benchmark_save_data
    benchmark_json benchmark_histogram benchmark_storage benchmark_netrc benchmark_sort
    benchmark_columns benchmark_group_by benchmark_name benchmark_verbose
    benchmark_quiet""".split()
)
"""Destinations of options that say which tests run, where, or how their results are shown and kept.

``benchmark_autosave`` is another name in each run: that of the commit, and the time.
"""
