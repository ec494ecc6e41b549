import CountersignHTTP

extension PrometheusRegistry {
    /// The numbers of the audit stream.
    func readAudit(_ trail: AuditTrail) {
        read { readings in
            readings.add(Self.lines, trail.writtenCount)
            readings.add(Self.droppedLines, trail.droppedCount)
            readings.add(Self.waitingBytes, trail.waitingBytes)
            readings.add(Self.failing, trail.problem == nil ? 0 : 1)
        }
    }

    private static let lines = Metric.counter(
        "countersign_audit_lines_total", "Lines of the audit stream written since the start.")
    private static let droppedLines = Metric.counter(
        "countersign_audit_lines_dropped_total",
        "Lines of the audit stream dropped since the start, because too many waited to be written.")
    private static let waitingBytes = Metric.gauge(
        "countersign_audit_bytes_waiting", "Bytes of the audit stream that wait to be written.")
    private static let failing = Metric.gauge(
        "countersign_audit_failing", "1 while the audit stream cannot be written, or a write hangs.")
}
