import HTTPTypes

/// What one listener answers.
package protocol Routes: Sendable {
    func reply(to request: IncomingRequest) async throws(Problem) -> Reply

    /// What the log calls this path; one of few constants, since a path may hold anything.
    func name(of path: Substring) -> String
}

extension IncomingRequest {
    /// - Throws: a problem with the `Allow` header (RFC 9110 §15.5.6). `HEAD` is allowed where `GET` is.
    func expect(_ methods: HTTPRequest.Method...) throws(Problem) {
        let allowed = methods.contains(.get) ? methods + [.head] : methods
        guard allowed.contains(head.method) else {
            throw Problem(.methodNotAllowed).with([.allow: allowed.map(\.rawValue).joined(separator: ", ")])
        }
    }
}
