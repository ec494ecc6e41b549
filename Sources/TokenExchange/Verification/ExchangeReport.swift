import Synchronization

/// What is known about one exchange so far, for those who report it: log, metrics, audit stream, traces. The use cases
/// fill it in, and do not read it.
package final class ExchangeReport: Sendable, Redacted {
    /// A part of an exchange that has a duration of its own.
    package enum Phase: String, CaseIterable, Sendable {
        case verify
        case mint
        case store
        /// Obtaining a token from the retailer's internal service, or from another login that has just done so.
        case upstream
    }

    /// One phase as it happened; an exchange may have several of the same one. By ``TimeSource/elapsed``.
    package struct Step: Sendable {
        package let phase: Phase
        package let start: Duration
        package let end: Duration
    }

    /// Everything that may change while the exchange runs.
    package struct Facts: Sendable, Redacted {
        /// Both nil until the token is proved genuine.
        package fileprivate(set) var tenantName: ConfiguredName?
        package fileprivate(set) var subject: ExactText?
        /// Nil if the exchange ended without a token.
        package fileprivate(set) var externalIdentity: ExternalIdentity?
        /// Whether that is the earlier answer to the same exchange.
        package fileprivate(set) var isReplay = false
        package fileprivate(set) var steps: [Step] = []

        package var tenant: ExactText? { tenantName?.text }
    }

    package let identityToken: IdentityToken
    /// As the app names it; may be empty.
    package let device: ExactText
    private let changing = Mutex(Facts())

    init(identityToken: IdentityToken, device: ExactText) {
        self.identityToken = identityToken
        self.device = device
    }

    package var facts: Facts { changing.withLock(\.self) }

    /// Reads a few of the facts, which costs less than a copy of them all.
    package func read<Value>(_ read: (borrowing Facts) -> Value) -> Value { changing.withLock { read($0) } }

    func identify(_ identity: VerifiedIdentity) {
        changing.withLock { facts in
            facts.tenantName = ConfiguredName(identity.tenant)
            facts.subject = identity.subject
        }
    }

    func issue(_ externalIdentity: ExternalIdentity, isReplay: Bool) {
        changing.withLock { facts in
            facts.externalIdentity = externalIdentity
            facts.isReplay = isReplay
        }
    }

    /// - Parameter start: when the phase began; it ends now.
    /// - Returns: now, so that the next phase can begin then.
    @discardableResult
    func end(_ phase: Phase, since start: Duration, _ time: TimeSource) -> Duration {
        let step = Step(phase: phase, start: start, end: time.elapsed())
        changing.withLock { facts in
            // As many as most exchanges have.
            if facts.steps.isEmpty { facts.steps.reserveCapacity(3) }
            facts.steps.append(step)
        }
        return step.end
    }
}
