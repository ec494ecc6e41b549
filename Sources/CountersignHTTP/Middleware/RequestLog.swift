package import Logging
package import TokenExchange

/// Decides which requests have a line in the log, and at which level: refusals and shed requests as ``RefusalLog`` allows.
package struct RequestLog: RequestObserver {
    private let lines: any RequestLines
    private let quietRoutes: [String]
    private let refusals: RefusalLog?

    /// - Parameters:
    ///   - lines: writes them.
    ///   - quietRoutes: names of endpoints that are called all the time; logged at level `debug` unless we failed.
    ///   - refusals: nil if every refused request is logged.
    package init(_ lines: any RequestLines, quietRoutes: [String] = [], refusals: RefusalLog? = nil) {
        self.lines = lines
        self.quietRoutes = quietRoutes
        self.refusals = refusals
    }

    package func observe(_ report: RequestReport) {
        let level: Logger.Level =
            report.failure != nil ? .error : quietRoutes.contains(report.kind.route) ? .debug : .info
        guard lines.level <= level else { return }
        let isMany = report.isRefusal || report.kind.error == .overloaded
        if isMany, let refusals, !refusals.admits(status: report.kind.status, from: report.source) { return }
        lines.write(report, at: level)
    }
}

/// Where the lines of requests go.
package protocol RequestLines: Sendable {
    /// Of the least important ones that are written.
    var level: Logger.Level { get }

    /// Writes one line. Runs on the request's event loop, so it must not block.
    func write(_ report: RequestReport, at level: Logger.Level)
}

extension RequestReport {
    /// A value of the request's line.
    package enum Field: Sendable {
        case text(ExactText)
        case words(String)
        case integer(Int)
        /// A number with up to three decimal places.
        case thousandths(Int64)
        /// Sixteen hexadecimal digits.
        case hash(UInt64)
        case isTrue
    }

    /// Calls `body` with what the log says of the request, in the order of the names. Names in it come from the
    /// configuration and reasons from closed sets; nothing comes from the request, except for an id of harmless
    /// characters.
    /// - Parameter hashes: of whose request it is, and of their device; each nil if unknown or not wanted.
    package func forEachField(
        _ hashes: (subject: UInt64?, device: UInt64?) = (nil, nil), _ body: (StaticString, Field) -> Void
    ) {
        if let failure { body("cause", .words(failure.cause)) }
        if let clockDifference { body("clock_difference_s", .rounded(clockDifference.inSeconds)) }
        if failure != nil, let degraded = kind.degradedBy { body("degraded", .words(degraded)) }
        if let hash = hashes.device { body("device_hash", .hash(hash)) }
        body("duration_ms", .rounded(duration.inSeconds * 1000))
        if let error = kind.error { body("error_code", .words(error.rawValue)) }
        if let provider = kind.identityProvider { body("identity_provider", .text(provider)) }
        if let failure { body("operation", .words(failure.operation)) }
        if let reason = kind.reason { body("reason", .words(reason)) }
        if exchange?.read({ $0.isReplay }) ?? false { body("replay", .isTrue) }
        body("request_id", .words(requestID))
        body("route", .words(kind.route))
        body("status", .integer(kind.status))
        if let hash = hashes.subject { body("subject_hash", .hash(hash)) }
        if let tenant { body("tenant", .text(tenant)) }
        if let verifier { body("verifier", .text(verifier)) }
    }
}

extension RequestReport.Field {
    fileprivate static func rounded(_ number: Double) -> Self { .thousandths(Int64((number * 1000).rounded())) }
}
