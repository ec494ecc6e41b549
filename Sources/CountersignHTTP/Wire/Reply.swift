package import HTTPTypes
import TokenExchange

/// An answer on its way out.
package struct Reply {
    package var status: HTTPResponse.Status
    package var headers: HTTPFields = [:]
    package var body: [UInt8] = []
    /// What the log line says beyond status and duration: names from the configuration, codes, reasons.
    var notes = Notes()

    struct Notes {
        var identityProvider: ExactText?
        var tenant: ExactText?
        var verifier: ExactText?
        /// A failure that the answer does not show as an error (optional mode).
        var degradedBy: Failure?
    }

    package static func json(
        _ body: [UInt8], status: HTTPResponse.Status = .ok, cacheControl: String = "no-store"
    ) -> Reply {
        Reply(
            status: status, headers: [.contentType: "application/json", .cacheControl: cacheControl], body: body)
    }
}
