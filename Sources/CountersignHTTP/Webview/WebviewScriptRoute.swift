import HTTPTypes

/// `GET /webview/countersign.v1.js` and `…v2.js`, and `/webview/countersign.js` for the newest version: public, the same for everybody.
struct WebviewScriptRoute {
    static let prefix = "/webview/"

    func reply(to request: IncomingRequest) throws(Problem) -> Reply {
        guard let (script, cacheControl) = Self.script(at: request.path) else { throw Problem(.notFound) }
        try request.expect(.get)
        // Module scripts are fetched with CORS, whatever page they stand in; a public document allows that.
        var reply = script.document.reply(to: request, cacheControl: cacheControl)
        guard reply.status == .ok else { return reply }
        reply.headers[.xContentTypeOptions] = "nosniff"
        reply.headers[.crossOriginResourcePolicy] = "cross-origin"
        return reply
    }

    private static func script(at path: Substring) -> (WebviewScript, cacheControl: String)? {
        switch path.dropFirst(prefix.count) {
        case "countersign.v1.js": (.version1, "public, max-age=31536000, immutable")
        case "countersign.v2.js": (.version2, "public, max-age=31536000, immutable")
        case "countersign.js": (.version2, "public, max-age=300")
        default: nil
        }
    }
}
