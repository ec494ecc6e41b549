/// Answers the requests of one listener.
package protocol Routes: Sendable {
    /// - Throws: a problem, which ``RequestConductor`` renders and logs.
    func reply(to request: IncomingRequest) async throws(Problem) -> Reply

    /// What log and metrics call this path: a constant, because a path may hold anything.
    func name(of path: Substring) -> String
}
