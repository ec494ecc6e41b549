import Outbound
package import TokenExchange

/// Tries the service as its clients use it, over real HTTP: a good login, its introspection and revocation, and tokens
/// that must be refused.
///
/// `serve` does so every minute if the configuration has a `probe`, and `countersign probe` once, from anywhere. The
/// probe is an associate of its own tenant, whose tokens no other identity provider accepts; so its key, its verifier and
/// its sessions are worth nothing to anybody else.
package struct Prober: Sendable {
    /// From one probe to the next, on average.
    let interval: Duration
    private let target: ProbeTarget
    private let tokens: ProbeTokens
    private let time: TimeSource

    package init(_ target: ProbeTarget, tokens: ProbeTokens, interval: Duration, time: TimeSource) {
        self.target = target
        self.tokens = tokens
        self.interval = interval
        self.time = time
    }

    /// Takes every step once. Each has a time limit.
    package func report() async -> ProbeReport {
        let client = target.client()
        defer { client.shutDown() }
        var report = ProbeReport(url: target.url)
        let identity = await take(.login, &report) { () async throws(ProbeFault) in
            try await target.logIn(try tokens.token(for: .login, at: time.now()), client)
        }
        if let identity { await use(identity, client, &report) }
        for step in [ProbeStep.introspection, .revocation, .revoked] where report[step] == nil {
            report.steps.append(ProbeReport.Step(step, .skipped, "a step before has failed", lasted: .zero))
        }
        for step in ProbeStep.allCases {
            guard let refusal = step.refusal else { continue }
            await take(step, &report) { () async throws(ProbeFault) in
                try await target.offer(try tokens.token(for: step, at: time.now()), for: refusal, client)
            }
        }
        return report
    }

    /// The life of a good external identity.
    private func use(_ identity: String, _ client: OutboundClient, _ report: inout ProbeReport) async {
        await take(.introspection, &report) { () async throws(ProbeFault) in
            if try await !target.isActive(identity, client) {
                throw ProbeFault("expected an active session, found none")
            }
        }
        let revoked: Void? = await take(.revocation, &report) { () async throws(ProbeFault) in
            try await target.revoke(identity, client)
        }
        guard revoked != nil else { return }
        await take(.revoked, &report) { () async throws(ProbeFault) in
            if try await target.isActive(identity, client) {
                throw ProbeFault("expected no active session after its revocation, found one", as: .accepted)
            }
        }
    }

    /// Nil if the step is no pass.
    @discardableResult
    private func take<Value>(
        _ step: ProbeStep, _ report: inout ProbeReport, _ work: () async throws(ProbeFault) -> Value
    ) async -> Value? {
        let begin = time.elapsed()
        var fault: ProbeFault?
        var value: Value?
        do throws(ProbeFault) { value = try await work() } catch { fault = error }
        report.steps.append(
            ProbeReport.Step(step, fault?.outcome ?? .pass, fault?.detail, lasted: time.elapsed() - begin))
        return value
    }
}
