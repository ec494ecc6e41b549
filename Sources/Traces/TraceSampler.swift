import Synchronization
package import TokenExchange

// Traces: which requests are traced, and how their spans reach a collector.
//
// TraceSampler decides when a request arrives. TraceSpan is what may be said of it once it is answered: its attributes are
// made in this target from types that have no room for a token, a claim or an address. SpanQueue holds spans until
// TraceExporter sends them, by OTLP over HTTP; ExportAnswer judges what the collector says.

/// Decides which requests are traced: of those that begin a trace a share, of those that belong to one the ones whose
/// caller records its own part; and never more than a budget allows, since both can be chosen by strangers.
package final class TraceSampler: Sendable {
    private struct Second {
        var number = Int64.min
        var taken = 0
        /// Of these, the ones that belong to a trace of their caller.
        var joined = 0
    }

    private let threshold: UInt64
    private let budget: Int
    private let time: TimeSource
    private let second = Mutex(Second())
    private let overBudget = Atomic(0)

    /// - Parameters:
    ///   - ratio: of requests that begin a trace, from 0 to 1.
    ///   - requestsPerSecond: that may be traced; half of them at most belong to traces of their callers.
    package init(ratio: Double, requestsPerSecond: Int, time: TimeSource) {
        threshold = UInt64((1 - ratio) * Double(Self.space))
        budget = requestsPerSecond
        self.time = time
    }

    /// How many requests would have been traced if there had been a budget left.
    package var overBudgetCount: Int { overBudget.load(ordering: .relaxed) }

    /// Whether to trace a request that begins a trace.
    ///
    /// By the last 56 bits of its random id, as OpenTelemetry's probability sampling has it, so that services with one ratio
    /// agree.
    package func takes(_ traceID: UInt64) -> Bool {
        traceID % Self.space >= threshold && isInBudget(joining: false)
    }

    /// Whether to trace a request whose caller has begun the trace.
    package func takes(sampledByCaller: Bool) -> Bool { sampledByCaller && isInBudget(joining: true) }

    private static let space: UInt64 = 1 << 56

    private func isInBudget(joining: Bool) -> Bool {
        let now = time.elapsed().components.seconds
        let isIn = second.withLock { second in
            if second.number != now { second = Second(number: now) }
            guard second.taken < budget, !joining || second.joined < (budget + 1) / 2 else { return false }
            second.taken += 1
            if joining { second.joined += 1 }
            return true
        }
        if !isIn { overBudget.add(1, ordering: .relaxed) }
        return isIn
    }
}
