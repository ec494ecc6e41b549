extension PrometheusRegistry {
    /// The numbers of the audit stream.
    func addAudit(_ trail: AuditTrail) {
        addCounter(Self.lines) { Double(trail.writtenCount) }
        addCounter(Self.droppedLines) { Double(trail.droppedCount) }
        addGauge(Self.waitingBytes) { Double(trail.waitingBytes) }
        addGauge(Self.failing) { trail.problem == nil ? 0 : 1 }
    }

    private static let lines = "countersign_audit_lines_total"
    private static let droppedLines = "countersign_audit_lines_dropped_total"
    private static let waitingBytes = "countersign_audit_bytes_waiting"
    private static let failing = "countersign_audit_failing"

    /// What each metric means, for the exposition's `# HELP`.
    static let auditDescriptions = [
        lines: "Lines of the audit stream written since the start.",
        droppedLines: "Lines of the audit stream dropped since the start, because too many waited to be written.",
        waitingBytes: "Bytes of the audit stream that wait to be written.",
        failing: "1 while the audit stream cannot be written, or a write hangs.",
    ]
}
