import HTTPTypes

/// `GET /webview/countersign.v1.js`, and `/webview/countersign.js` for the newest version: public, the same for everybody.
struct WebviewScriptRoute {
    static let prefix = "/webview/"

    func reply(to request: IncomingRequest) throws(Problem) -> Reply {
        guard let (script, cacheControl) = Self.script(at: request.path) else { throw Problem(.notFound) }
        try request.expect(.get)
        var headers: HTTPFields = [
            .cacheControl: cacheControl,
            .eTag: script.entityTag,
            // Module scripts are fetched with CORS, whatever page they stand in.
            .accessControlAllowOrigin: "*",
        ]
        if script.isHeld(by: request.head.headerFields[.ifNoneMatch]) {
            return Reply(status: .notModified, headers: headers)
        }
        headers[.contentType] = "text/javascript; charset=utf-8"
        headers[.xContentTypeOptions] = "nosniff"
        headers[.crossOriginResourcePolicy] = "cross-origin"
        return Reply(status: .ok, headers: headers, body: script.bytes)
    }

    private static func script(at path: Substring) -> (WebviewScript, cacheControl: String)? {
        switch path.dropFirst(prefix.count) {
        case "countersign.v1.js": (.version1, "public, max-age=31536000, immutable")
        case "countersign.js": (.version1, "public, max-age=300")
        default: nil
        }
    }
}
