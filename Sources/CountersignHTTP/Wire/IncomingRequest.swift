import HTTPTypes
package import HummingbirdCore
import NIOCore
package import TokenExchange

/// A request as the routes see it.
package struct IncomingRequest {
    let id: String
    let head: HTTPRequest
    /// Without the query.
    let path: Substring
    let source: RequestSource?
    /// By the monotonic clock; deadlines count from here.
    let arrivedAt: Duration
    private let body: RequestBody

    package init(_ request: Request, id: String, source: RequestSource?, arrivedAt: Duration) {
        self.id = id
        head = request.head
        path = (request.head.path ?? "/").prefix { $0 != "?" }
        self.source = source
        self.arrivedAt = arrivedAt
        body = request.body
    }

    /// What goes on to services that we ask on behalf of this request.
    var trace: RequestTrace {
        RequestTrace(
            requestID: id, traceparent: head.headerFields[.traceparent].flatMap { TraceParent.isSane($0) ? $0 : nil })
    }

    /// The host that was asked for: ASCII in lower case, without port.
    var host: ExactText? {
        guard let authority = head.authority else { return nil }
        let host = authority.hasPrefix("[") ? authority.prefix { $0 != "]" } + "]" : authority.prefix { $0 != ":" }
        return ExactText(host).lowercasedASCII
    }

    /// Whether the content is of this media type, in lower case; parameters are ignored, since JSON and forms have none.
    func hasMediaType(_ expected: String) -> Bool {
        guard let value = head.headerFields[.contentType] else { return false }
        if value == expected { return true }
        return value.prefix { $0 != ";" }.filter { $0 != " " && $0 != "\t" }.lowercased() == expected
    }

    /// The whole body.
    ///
    /// - Throws: ``Problem`` where it is larger than `limit`, before reading it where its length was announced; where it
    ///   does not arrive in time, or the caller hangs up.
    func collectBody(upTo limit: Int) async throws(Problem) -> [UInt8] {
        if let length = head.headerFields[.contentLength].flatMap({ Int($0) }), length > limit {
            throw Problem(.bodyTooLarge)
        }
        do {
            var bytes: [UInt8] = []
            for try await part in body {
                guard bytes.count + part.readableBytes <= limit else { throw Problem(.bodyTooLarge) }
                bytes.append(contentsOf: part.readableBytesView)
            }
            return bytes
        } catch let problem as Problem {
            throw problem
        } catch {
            throw Problem(.invalidRequest, reason: "body_incomplete")
        }
    }
}
