/// Decides which requests are traced, when they arrive.
package protocol RequestTracer: Sendable {
    /// - Parameter context: what the client says of its trace; nil without anything that can be used.
    /// - Returns: nil for a request that is not traced.
    func span(_ context: TraceContext?, method: String) -> RequestSpan?
}
