package import TokenExchange

/// A request that is traced. Its ids are chosen when it arrives, because internal services are told of one of them; what
/// there is to say of it is known once it is answered.
package final class RequestSpan: Sendable {
    package let traceID: UInt128
    /// The client's span; nil if the trace begins here.
    package let parentID: UInt64?
    package let id: UInt64
    /// Of the call of an internal service.
    package let upstreamID: UInt64
    package let method: String
    /// The steps of a request that is no exchange.
    package let log = StepLog()

    /// Ids are not zero.
    package init(traceID: UInt128, parentID: UInt64?, id: UInt64, upstreamID: UInt64, method: String) {
        self.traceID = traceID
        self.parentID = parentID
        self.id = id
        self.upstreamID = upstreamID
        self.method = method
    }

    /// What the internal service is told: its part belongs below our call.
    var upstreamTraceparent: String { TraceContext.text(traceID, upstreamID, flags: 1) }
}
