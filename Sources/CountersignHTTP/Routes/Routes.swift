package import TokenExchange

/// Answers the requests of one listener.
package protocol Routes: Sendable {
    /// - Throws: what a ``Problem`` can be made of, which ``RequestConductor`` renders and logs.
    func reply(to request: IncomingRequest) async throws -> Reply

    /// Those that answer a request which arrives now. Others may take their place later.
    var current: any Routes { get }

    /// What log and metrics call this path: a constant, because a path may hold anything.
    func name(of path: ExactText) -> LabelValue
}

extension Routes {
    package var current: any Routes { self }
}
