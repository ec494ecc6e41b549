package import Logging
package import ServiceConfiguration
import Synchronization
package import TokenExchange

/// The audit stream of a process: entries go into a queue, and a thread of its own gives each its place in the chain and
/// writes it.
///
/// An entry that cannot be written waits, and goes out once it can; beyond `audit.queue_bytes` entries are dropped and
/// counted. If entries are required, no external identity leaves before its entry is written: `write` has returned, so
/// the entry outlives the process, though not the machine.
package final class AuditTrail: Sendable {
    private let queue: LogQueue
    private let health: AuditHealth
    private let isRequired: Bool
    private let correlation: AuditCorrelation
    /// `audit.refusals_per_second`.
    let refusalsPerSecond: Int
    let time: TimeSource
    private let sleep: @Sendable (Duration) async throws -> Void

    /// For one write, and for a login that waits for its entry.
    private static let patience: Duration = .seconds(1)

    /// Opens the file, and starts to write. May block.
    ///
    /// - Parameters:
    ///   - correlation: makes the keyed hashes of subject and device.
    /// - Throws: if the file cannot be used, unless that may pass.
    package init(
        _ settings: AuditSettings, correlation: AuditCorrelation = .none, time: TimeSource, logger: Logger,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) throws(AuditFileError) {
        let health = AuditHealth()
        let output =
            switch settings.output {
            case .standardOutput: AuditOutput(health: health, time: time, logger: logger)
            case .file(let path): try AuditOutput(file: path, health: health, time: time, logger: logger)
            }
        isRequired = settings.isRequired
        refusalsPerSecond = settings.refusalsPerSecond
        // A login that waits must not wait for others as well.
        queue = LogQueue(
            output: output, limit: settings.queueBytes, thread: "audit",
            gathering: settings.isRequired ? .zero : LogQueue.gathering)
        self.health = health
        self.correlation = correlation
        self.time = time
        self.sleep = sleep
        queue.start { [self] count in
            var entry = AuditEntry(.linesLost, at: time.now())
            entry.count = count
            append(entry)
        }
        append(AuditEntry(.start, at: time.now()))
    }

    /// Queues an entry, or drops it if there is no room. Does not wait.
    /// - Returns: its number, by which one can wait for it; nil if it was dropped.
    @discardableResult
    package func append(_ entry: AuditEntry) -> Int? { queue.append(entry.line, isImportant: entry.isImportant) }

    /// Has the file opened again, by its name. Does not wait.
    package func reopen() {
        health.isReopeningDue.store(true, ordering: .relaxed)
        queue.wakeUp()
    }

    /// Writes the last entry. Blocks its thread for a moment.
    package func stop() {
        append(AuditEntry(.stop, at: time.now()))
        queue.flush(within: .milliseconds(300))
    }

    /// Keyed hashes of whose session it is.
    func hashes(of people: AuditCorrelation.People) -> AuditCorrelation.Hashes { correlation.hashes(people) }

    // MARK: How it goes

    /// How many entries have been dropped since the start.
    package var droppedCount: Int { queue.droppedCount }

    /// How many bytes of entries are not written yet.
    package var waitingBytes: Int { queue.waitingBytes }

    /// How many entries have been written since the start.
    package var writtenCount: Int { health.state.current.written }

    /// Why entries cannot be written now; nil if they can.
    package var problem: String? {
        let state = health.state.current
        if let problem = state.problem { return problem }
        let isHanging = state.writingSince.map { time.elapsed() - $0 > Self.patience } ?? false
        return isHanging ? "a write has taken longer than \(Self.patience)" : nil
    }

    /// Whether logins wait for that to pass.
    var stopsLogins: Bool { isRequired && problem != nil }
}

extension AuditTrail: ExchangeLedger {
    package func check() throws(Failure) {
        if isRequired, let problem { throw Self.failure(problem) }
    }

    package func record(
        _ request: ExchangeRequest, degradedBy failure: Failure?, within budget: Duration
    ) async throws(Failure) {
        let facts = request.report.facts
        guard let externalIdentity = facts.externalIdentity else { return }
        var entry = AuditEntry(facts.isReplay ? .replay : .login, at: time.now())
        entry.requestID = request.trace.requestID
        entry.identityProvider = request.provider.name
        entry.tenant = facts.tenant
        entry.identityToken = request.identityToken
        entry.externalIdentity = externalIdentity
        entry.people = hashes(of: .init(subject: facts.subject, tenant: facts.tenant, device: request.device))
        entry.degradedBy = failure?.kind.rawValue
        let number = append(entry)
        guard isRequired else { return }
        guard let number else { throw Self.failure("its queue is full") }
        let isWritten = await health.state.value(within: min(budget, Self.patience), sleep: sleep) { state in
            state.written >= number ? true : state.problem == nil ? nil : false
        }
        if isWritten != true { throw Self.failure(problem ?? "the entry was not written in time") }
    }

    /// The contract has no code of its own for it. As with a session that cannot be stored, no token leaves, and trying
    /// again makes sense.
    private static func failure(_ problem: String) -> Failure {
        Failure(.sessionStoreUnavailable, operation: "audit", cause: problem)
    }
}
