/// What one listener answers.
package protocol Routes: Sendable {
    func reply(to request: IncomingRequest) async throws(Problem) -> Reply

    /// What the log calls this path; one of few constants, since a path may hold anything.
    func name(of path: Substring) -> String
}
