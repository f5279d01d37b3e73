"""Every limit of the system, named once.

A limit is part of the contract: exceeding one is a clear error that names the limit, never a
slow machine. Sizes are bytes, times milliseconds unless the name says otherwise.
"""

from __future__ import annotations

from typing import Final

# The document
DOCUMENT_BYTES_MAX: Final = 1 << 20
DOCUMENT_NODES_MAX: Final = 50_000
DOCUMENT_DEPTH_MAX: Final = 64
INTEGER_DIGITS_MAX: Final = 20
PROBLEMS_MAX: Final = 100

# JSON from outside. The next decoder on its way takes 100 levels (protobuf) or 200 (pydantic).
JSON_DEPTH_MAX: Final = 64
JSON_WRAPPED_DEPTH_MAX: Final = 96  # of what the engine has put such values into

# The plan
STAGES_MAX: Final = 1_000
STAGE_NESTING_MAX: Final = 8
AGENTS_AT_ONCE_MAX: Final = 50  # of one run; the next in line starts when one has ended
STARTS_PER_TASK_MAX: Final = 200  # stages that start in one workflow task of a run
DETAIL_LENGTH_MAX: Final = 1_000  # characters: why a stage ended so
STACK_TRACE_LENGTH_MAX: Final = 8_000  # characters, of a bug in history
BRANCHES_MAX: Final = 50
PATH_LENGTH_MAX: Final = 500  # of a stage; ids of its activities are made of it
GATE_PATH_LENGTH_MAX: Final = 600  # of a gate, which may be a part of a stage
NAME_LENGTH_MAX: Final = 63
INPUTS_MAX: Final = 100
RETRIES_MAX: Final = 10
ERROR_BUDGET_MAX: Final = 100  # errors; so many of an agent are kept
CLARIFICATIONS_MAX: Final = 10  # of one stage
CLARIFICATION_LINES_MAX: Final = 20  # reasons, constraints; what is left of a scope is never longer
CLARIFICATION_LINE_LENGTH_MAX: Final = 500  # characters
SCOPE_MAX: Final = 60  # secrets, ports and directories of a stage together
ERROR_WORDS_MAX: Final = 10  # errors of a try that are told in words
ERROR_WORDS_LENGTH_MAX: Final = 300  # characters
SECRETS_MAX: Final = 20
TIMEOUT_MS_MIN: Final = 1_000
TIMEOUT_MS_MAX: Final = 30 * 24 * 3_600_000
PIPELINE_TIMEOUT_MS: Final = 24 * 3_600_000
AGENT_TIMEOUT_MS: Final = 30 * 60_000
GATE_TIMEOUT_MS: Final = 24 * 3_600_000
CATALOGUE_FILES_MAX: Final = 1_000

# Templates
TEMPLATE_FILES_MAX: Final = 1_000  # in all directories
TEMPLATE_PATH_LENGTH_MAX: Final = 500
TEMPLATE_WORDS_MAX: Final = 20  # of an interpreter; tools, paths to be read
PROGRAM_FILES_MAX: Final = 1_000  # that belong to one program
PROGRAM_BYTES_MAX: Final = 128 << 20  # all of them together

# Conditions
EXPRESSION_LENGTH_MAX: Final = 4_096
EXPRESSION_DEPTH_MAX: Final = 40
EXPRESSION_CHAIN_MAX: Final = 40
EXPRESSION_STEPS_MAX: Final = 10_000
EXPRESSION_SIZE_MAX: Final = 100_000

# Gates
APPROVERS_MAX: Final = 100
PERSON_LENGTH_MAX: Final = 256  # characters of the name of a person or a group
VOTES_MAX: Final = 1_000
VERIFICATIONS_MAX: Final = 100
REASON_LENGTH_MAX: Final = 2_000
REMINDERS_MAX: Final = 100  # of one opening; then it is quiet
REMINDERS_OF_RUN_MAX: Final = 1_000  # each is five events of history
MESSAGES_KEPT_MAX: Final = 50  # unreadable or void messages shown by `status`
MESSAGE_LENGTH_MAX: Final = 300
GATES_DESCRIBED_MAX: Final = 50  # more in one answer are told without kinds and heads of outputs
HEADS_MAX: Final = 12  # outputs of which a gate shows the first lines
HEADS_OF_RUN_MAX: Final = 200  # in the history of one run
HEAD_LINES_MAX: Final = 8
HEAD_LINE_MAX: Final = 160  # characters
HEAD_OF_BYTES_MAX: Final = 4 << 20  # a larger output has no head
OUTPUTS_DESCRIBED_MAX: Final = 100  # of a gate, by kind and size; all are named with their digest

# Trust
REVOCATION_WORDS_MAX: Final = 100  # proofs that one revocation looks at

# Agents
AGENT_LINE_BYTES_MAX: Final = 1 << 20
AGENT_OUTPUT_BYTES_MAX: Final = 16 << 20
AGENT_STDERR_BYTES_MAX: Final = 64 << 10
AGENT_EVENTS_MAX: Final = 1_000
AGENT_EVENTS_BYTES_MAX: Final = 2 << 20  # as said; written down it may be several times that
AGENT_NOISE_LINES_MAX: Final = 20
AGENT_ARTIFACTS_MAX: Final = 100
CHECKPOINT_BYTES_MAX: Final = 64 << 10  # as a message; larger ones are files
CHECKPOINTS_MAX: Final = 1_000  # of one try
QUESTIONS_MAX: Final = 20  # of one stage
PARK_AFTER_MS: Final = 5 * 60_000  # an agent that waits for an answer is ended then
PARK_AFTER_MS_MAX: Final = 3_600_000
QUESTION_LOOKS_MAX: Final = 100  # of one stage: whether its agent asks, which anybody may say
QUESTION_LENGTH_MAX: Final = 2_000  # characters; also of an answer
CHOICES_MAX: Final = 20
CHOICE_LENGTH_MAX: Final = 200
BODY_ANSWER_BYTES_MAX: Final = 512 << 10  # of an activity or workflow that does an agent's work
BODY_HEARTBEAT_MS: Final = 30_000  # how long such an activity may be silent; shorter ones need none
HEARTBEAT_MS_MIN: Final = 1_000
HEARTBEAT_MS_MAX: Final = 120_000  # so long may a revocation take to be heard
BODY_STOP_MS: Final = 10_000  # for such an activity to end once it has heard that it is to
WORKFLOW_STOP_MS: Final = 30_000  # for such a workflow; then it is terminated
AGENT_LOG_BYTES_MAX: Final = 1 << 20  # of one try, head and tail
TRY_OUTPUTS_MAX: Final = 200  # that are told of the tries of one stage that did not deliver
ARTIFACT_BYTES_MAX: Final = 16 << 20
LEASE_TTL_MS: Final = 12_000  # less than Temporal waits for a heartbeat, see activities.contracts
AGENT_MEMORY_MB: Final = 1_024  # what its processes may take together, where nothing is declared
AGENT_MEMORY_MB_MIN: Final = 16
AGENT_MEMORY_MB_MAX: Final = 65_536
AGENT_DISK_MB: Final = 512  # in its private directory, which is in memory where the kernel allows
AGENT_DISK_MB_MAX: Final = 65_536
AGENT_FILES: Final = 50_000  # likewise
AGENT_FILES_MIN: Final = 100
AGENT_FILES_MAX: Final = 1_000_000
AGENT_PROCESSES: Final = 128  # and threads
AGENT_PROCESSES_MIN: Final = 8
AGENT_PROCESSES_MAX: Final = 4_096
AGENT_GRACE_MS: Final = 500  # from SIGTERM to SIGKILL
AGENT_GRACE_MS_MAX: Final = 60_000  # less than EXIT may take
AGENT_CPU_S_MAX: Final = 30 * 24 * 3_600  # of one process
EXIT_TIMEOUT_MS: Final = 120_000
COLD_RESEEDS_MAX: Final = 20
LEASES_LOST_MAX: Final = 20  # by programs of one stage that had delivered

# Tools
TOOL_RULES_MAX: Final = 200  # of one stage
TOOL_CALLS_MAX: Final = 1_000  # of one stage
TOOL_ARGUMENTS_BYTES_MAX: Final = 64 << 10  # of one call, in canonical JSON: they stand in history
TOOL_ARGUMENTS_DEPTH_MAX: Final = 32
TOOL_MESSAGE_BYTES_MAX: Final = (
    128 << 10
)  # of one call on its way, however its arguments are written
TOOL_SERVERS_MAX: Final = 1_000  # in all directories
TOOL_URL_LENGTH_MAX: Final = 2_000
TOOL_FIELDS_MAX: Final = 20  # of an answer, that are left out
TOOL_SEALS_MAX: Final = 100  # in the arguments of one call: each is a file that is kept
SECRETS_OF_SERVER_MAX: Final = 20
TOOLS_OF_SERVER_MAX: Final = 2_000  # that a server may list, and that are pinned
TOOL_LIST_BYTES_MAX: Final = 8 << 20  # all that a server says of its tools
TOOL_ANSWER_BYTES_MAX: Final = 256 << 10  # of one call
TOOL_TIMEOUT_MS: Final = 30_000  # of one call, where nothing is declared
TOOL_TIMEOUT_MS_MAX: Final = 600_000
TOOL_PURPOSE_LENGTH_MAX: Final = 500  # characters: what the agent wants a call for
TOOL_CALLS_ASKED_MAX: Final = 1_500  # of one stage, denied ones too; the server takes 2,000 updates
TOOL_CALLS_WAITING_MAX: Final = 100  # of one agent, which are made one after the other
TOOL_ARGUMENTS_OF_STAGE_BYTES_MAX: Final = 4 << 20  # each stands in history several times
TOOL_ANSWER_INLINE_BYTES_MAX: Final = 512  # that history keeps; a longer answer goes by digest
TOOL_SENTENCE_LENGTH_MAX: Final = 1_200  # characters of what became of a call, likewise
TOOL_JOURNAL_BYTES_MAX: Final = 5 << 18  # of the calls of one stage, with their answers
TOOL_APPROVAL_GOOD_MS: Final = 15 * 60_000  # from the decision on a call until it is made
TOOL_LOOKS_MAX: Final = 1_000  # of one stage: what people have decided, which anybody may say
TOOL_APPROVALS_WAIT_MS_MAX: Final = 30 * 86_400_000  # of one stage, with its clock standing still
TOOL_ATTEMPTS_MAX: Final = 3  # of a call that may be made twice
EFFECT_LENGTH_MAX: Final = 300  # characters of the name of what a call brings about
EFFECT_CLAIMS_MAX: Final = 1_000  # of one effect, all but the last let go of
TOOLS_TOLD_BYTES_MAX: Final = 512 << 10  # of what an agent is told of the tools it may call

# History and ledger
LEDGER_RESERVE_BYTES: Final = 64 << 20  # free where the ledger is, or nothing new starts
DISK_LOW_BYTES: Final = 1 << 30  # free where ledger and artefacts are, or somebody is told
RESULT_BYTES_MAX: Final = 64 << 10  # what a stage may put into history
PHASE_ANSWER_BYTES_MAX: Final = 128 << 10  # a result, a hundred artefacts by digest, and facts
LEDGER_ENTRIES_PER_RECORD_MAX: Final = 200
LEDGER_PAYLOAD_BYTES_MAX: Final = 64 << 10
LEDGER_BATCH_MAX: Final = 256
FACT_BYTES_MAX: Final = 32 << 10  # one entry as a workflow notes it; larger values go by digest
RECORD_BYTES_MAX: Final = 1 << 20  # the entries of one record

# Temporal: the server refuses an id of more, and the task that asks for one again and again
WORKFLOW_ID_BYTES_MAX: Final = 1_000  # limit.maxIDLength; in UTF-8, of activities and children too

TEMPORAL_NAME_LENGTH_MAX: Final = 80  # of a type or a task queue that a template names

# Temporal: the server ends a run of 50 MiB or 51,200 events of history at once. No stage starts
# beyond these: the rest is for what is under way, for votes and for the end.
HISTORY_BYTES_MAX: Final = 36 << 20
HISTORY_EVENTS_MAX: Final = 40_000

# Temporal: the server refuses a payload of 2 MiB, and a request of 4 MiB, again and again
PLAN_BYTES_MAX: Final = 3 << 19
REPORT_BYTES_MAX: Final = 3 << 19
MESSAGE_BYTES_MAX: Final = 2 << 20  # a start, a signal, an update
MEMO_BYTES_MAX: Final = 16 << 10  # of the run that a start resumes
REQUEST_BYTES_MAX: Final = 1 << 20  # what an agent is told when it starts
REQUESTS_BYTES_MAX: Final = 2 << 20  # all requests of one workflow task
ANSWER_BYTES_MAX: Final = 3 << 19  # to one query
GATES_SHOWN_BYTES_MAX: Final = 1_500  # of the 2,048 a search attribute may have

# Circuit breakers
BREAKERS_MAX: Final = 100  # circuits that one worker counts for
BREAKER_PERMITS_MAX: Final = 100  # probes of a half-open circuit, over all processes
BREAKER_CALLS_MAX: Final = 1_000  # of a window, and told of in one report
BREAKER_WINDOW_MS_MIN: Final = 10
BREAKER_MS_MAX: Final = 24 * 3_600_000
CIRCUIT_WAIT_MS_MIN: Final = 500
CIRCUIT_TOLD_MAX: Final = 100  # times that a stage tells its run what it waits for
CIRCUIT_WAIT_MS_MAX: Final = 600_000  # then a stage tries again, whatever is said of the circuit

# Notifications
NOTIFY_MAX: Final = 10  # destinations of one pipeline
DESTINATIONS_MAX: Final = 100  # of one site
ACCOUNTS_MAX: Final = 10_000  # of people, at one service
NOTIFY_GATES_MAX: Final = 20  # pending gates that a message shows; the others are counted
NOTIFY_STAGES_MAX: Final = 40  # stages, likewise
NOTIFY_DECIDED_MAX: Final = 50  # gates decided, the newest
NOTIFY_WORDS_MAX: Final = 500  # characters of one thing that is told
NOTIFY_QUEUED_MAX: Final = 500  # messages that wait for one destination; then the oldest is lost
NOTIFY_MENDED_MS: Final = 60_000  # until a destination that refuses us is tried again, at first
NOTIFY_MENDED_MS_MAX: Final = 3_600_000  # and after many tries
NOTIFY_CARRIED_BYTES_MAX: Final = 1 << 20  # messages that wait, in one request to go on anew
NOTIFY_GIVE_UP_MS: Final = 3 * 24 * 3_600_000  # one message; then it is told of as not delivered
NOTIFY_RETRY_AFTER_MS_MAX: Final = 3_600_000  # as long is waited as a service says, up to that
SECRET_FILE_BYTES_MAX: Final = 64 << 10

# Experiments of chaos
CHAOS_STEPS_MAX: Final = 10  # faults of one experiment
CHAOS_RUNS_MAX: Final = 40  # under way at once, on one machine
CHAOS_LASTS_MS_MAX: Final = 60_000  # of one fault, and until one happens
CHAOS_LIMIT_MS_MAX: Final = 3_600_000
CHAOS_RUN_MS: Final = 300_000
CHAOS_EXPERIMENT_MS: Final = 600_000
CHAOS_SEARCH_MAX: Final = 10_000  # runs of one search

# Reviews
REVIEWED_PATH_LENGTH_MAX: Final = 1_000  # characters, of a file of the repository
SYMBOL_LENGTH_MAX: Final = 300
EVIDENCE_LENGTH_MAX: Final = 1_000
REVIEW_CHECKS_LENGTH_MAX: Final = 10_000  # characters of a command, and of what was learned
SUGGESTIONS_MAX: Final = 100  # of one review that a council decides about, the first in rank
SUGGESTED_ANOMALIES_MAX: Final = 1_000  # of one suggestion
PATCH_LENGTH_MAX: Final = 100_000  # characters
TRIAL_LINES_MAX: Final = 20
OPINION_LENGTH_MAX: Final = 200  # characters of a rationale that are kept
DECISION_WHY_LENGTH_MAX: Final = 120  # characters: why one decision was made
SUPPRESSIONS_MAX: Final = 1_000
