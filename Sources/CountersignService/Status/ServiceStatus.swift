import CountersignHTTP
import TokenExchange

/// How the service is doing at one moment: what the status page shows. Holds names from the configuration, numbers, and
/// causes that may be logged; no token, subject, device or secret.
struct ServiceStatus: Sendable {
    /// The keys of one tenant's issuer, and its clock.
    struct Issuer {
        let tenant: ExactText
        /// Nil if they are in files.
        let fetched: Fetched?
        /// The issuer's clock minus ours; nil if no genuine token has shown it.
        let clockOffset: Duration?
        /// What the tenant's rules allow either way.
        let clockSkew: Duration

        /// Keys that are fetched.
        struct Fetched {
            let count: Int
            /// Nil if none may be used.
            let age: Duration?
            /// Why the latest fetch failed; nil if it did not.
            let failure: String?
            /// Zero if it is due.
            let untilNextFetch: Duration
        }

        /// Whether the clocks differ by more than half of what is allowed.
        var clockIsFarOff: Bool {
            guard let offset = clockOffset else { return false }
            return offset > clockSkew / 2 || offset < .zero - clockSkew / 2
        }
    }

    /// A certificate that we present.
    struct Certificate: Sendable {
        /// The key of the configuration that names it.
        let name: String
        let expiry: UnixTime

        /// Whether it has to be renewed soon, or should have been.
        func isEnding(at now: UnixTime) -> Bool { expiry - now < .seconds(14 * 86400) }
    }

    /// Where sessions are kept.
    struct Store {
        /// One server of it.
        struct Server {
            let role: String
            let address: String
            let connected: Int
            let connections: Int
        }

        /// `memory`, `redis` and so on, as the configuration names it.
        let kind: String
        let servers: [Server]
        /// Of a command just now; nil if it failed.
        let latency: Duration?
        /// Sessions of optional logins that wait to be written, and those that were lost.
        let deferred: Int
        let dropped: Int
    }

    /// The open connections of one listener.
    struct Listener {
        let name: String
        let waiting: Int
        let answering: Int
    }

    /// What the latest probe from within has found.
    struct Probe {
        let endedAt: UnixTime
        /// In their order.
        let steps: [Step]

        struct Step {
            let name: String
            /// In the words of `countersign probe`.
            let outcome: String
            /// Why it is no pass; nil if it is one.
            let detail: String?
            let isAlarming: Bool
        }
    }

    /// The entries of the audit stream.
    struct Audit {
        let written: Int
        let waitingBytes: Int
        let dropped: Int
    }

    let now: UnixTime
    let startedAt: UnixTime
    let version: String
    let readiness: Readiness
    let hour: RequestHistory.Hour
    let issuers: [Issuer]
    let signingKeys: SigningKeyStatus
    let certificates: [Certificate]
    let store: Store
    /// The longest delay of each event loop since the start.
    let loopGaps: [Duration]
    let listeners: [Listener]
    let droppedLogLines: Int
    /// Nil if none is configured, or none has ended yet.
    let probe: Probe?
    /// Nil if none is configured.
    let audit: Audit?

    /// What somebody should do, the worst first.
    var troubles: [Trouble] {
        let components = readiness.components.filter { $0.status != .ready }
            .sorted { $0.status == .unavailable && $1.status != .unavailable }
            .map { Trouble(subject: $0.name, what: $0.detail ?? $0.status.rawValue, remedy: $0.remedy) }
        let step =
            signingKeys.stepOverdue > Self.patience
            ? [
                Trouble(
                    subject: "rotation",
                    what: "a step of the signing keys has been due for \(signingKeys.stepOverdue.inWords)",
                    remedy: Remedy.advanceKeys)
            ] : []
        let ending = certificates.filter { $0.isEnding(at: now) }.map {
            Trouble(
                subject: $0.name,
                what: $0.expiry > now ? "ends \($0.expiry.inWords(at: now))" : "ended \($0.expiry.inWords(at: now))",
                remedy: Remedy.renewCertificate)
        }
        let clocks = issuers.filter(\.clockIsFarOff).map {
            Trouble(
                subject: "clock of \($0.tenant)", what: "the issuer's clock and ours differ",
                remedy: Remedy.synchronizeClock)
        }
        let lost =
            store.dropped == 0
            ? []
            : [
                Trouble(
                    subject: "deferred sessions", what: "\(store.dropped) were lost since the start",
                    remedy: Remedy.raiseDeferred)
            ]
        let probed = (probe?.steps ?? []).filter(\.isAlarming).map {
            Trouble(subject: "probe, \($0.name)", what: $0.detail ?? $0.outcome, remedy: Remedy.repeatProbe)
        }
        return components + probed + step + ending + clocks + lost
    }

    /// Cron may take a step every hour.
    private static let patience = Duration.seconds(2 * 3600)

    /// One thing that is not as it should be.
    struct Trouble {
        let subject: String
        let what: String
        let remedy: String?
    }
}
