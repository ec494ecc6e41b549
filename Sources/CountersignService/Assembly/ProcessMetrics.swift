import CountersignHTTP
import Outbound
import TokenExchange

extension PrometheusRegistry {
    /// The process itself, its log and its event loops.
    func readProcess(_ logs: LogQueue, _ loops: LoopWatch, _ time: TimeSource) {
        for (index, lag) in loops.lags.enumerated() {
            add(lag, Self.loopLag, [.loop: LabelValue(UInt16(clamping: index))])
        }
        let startTime = ProcessStatus.startTime(at: time.now())
        read { readings in
            readings.add(Self.loopGap, loops.longestGap.inSeconds)
            readings.add(Self.droppedLines, logs.droppedCount)
            readings.add(Self.waitingLines, logs.waitingBytes)
            readings.add(
                Self.build, 1,
                by: [
                    .version: LabelValue(stringLiteral: BuildInformation.version),
                    .swift: LabelValue(stringLiteral: BuildInformation.swift),
                ])
            let status = ProcessStatus()
            readings.add(Self.cpu, status?.cpuSeconds)
            readings.add(Self.threads, status?.threads)
            readings.add(Self.virtualMemory, status?.virtualBytes)
            readings.add(Self.residentMemory, status?.residentBytes)
            readings.add(Self.openFiles, ProcessStatus.openFiles)
            readings.add(Self.openFileLimit, OpenFileLimit.current)
            readings.add(Self.startTime, startTime?.seconds)
        }
    }

    /// Reloads of the configuration.
    func readReloads(of reloader: Reloader) {
        read { readings in
            let history = reloader.history
            readings.add(Self.reloads, history.successes, by: [.outcome: "success"])
            readings.add(Self.reloads, history.failures, by: [.outcome: "failure"])
            readings.add(Self.reloadFailing, history.isFailing ? 1 : 0)
            readings.add(Self.lastSuccess, history.lastSuccess.seconds)
            readings.add(Self.lastDuration, history.lastDuration.inSeconds)
        }
    }

    private static let loopLag = Metric.histogram(
        "countersign_event_loop_lag_seconds", "By how much an event loop was late, looked at ten times a second.")
    private static let loopGap = Metric.gauge(
        "countersign_event_loop_longest_gap_seconds",
        "The longest time since the start by which an event loop was late, and all requests on it.")
    private static let droppedLines = Metric.counter(
        "countersign_log_lines_dropped_total", "Log lines dropped because nobody read the log.")
    private static let waitingLines = Metric.gauge(
        "countersign_log_bytes_waiting", "Bytes of log lines that wait to be written.")
    private static let build = Metric.gauge("countersign_build_info", "Always 1; the labels say what runs.")

    private static let reloads = Metric.counter(
        "countersign_reloads_total", "Reloads of configuration and keys.")
    private static let reloadFailing = Metric.gauge(
        "countersign_reload_failing", "1 if the last reload failed, so that the last good configuration stays.")
    private static let lastSuccess = Metric.gauge(
        "countersign_reload_last_success_timestamp_seconds", "When the configuration in use was read.")
    private static let lastDuration = Metric.gauge(
        "countersign_reload_last_duration_seconds", "How long the last reload took; 0 before the first.")

    // As all clients of Prometheus call them.
    private static let cpu = Metric.counter(
        "process_cpu_seconds_total", "CPU time of the process, user and system.")
    private static let residentMemory = Metric.gauge(
        "process_resident_memory_bytes", "Memory of the process that is in RAM.")
    private static let virtualMemory = Metric.gauge("process_virtual_memory_bytes", "Address space of the process.")
    private static let openFiles = Metric.gauge("process_open_fds", "Open file descriptors.")
    private static let openFileLimit = Metric.gauge("process_max_fds", "The limit of open file descriptors.")
    private static let threads = Metric.gauge("process_threads", "Threads of the process.")
    private static let startTime = Metric.gauge("process_start_time_seconds", "When the process started.")
}
