import HTTPTypes

/// `GET /webview/countersign.v1.js` and so on: a script for pages that the Associate App opens. Public, and the same
/// for everyone.
///
/// The files beside this one are compiled into the program. A released version never changes, because pages name its
/// bytes by their digest (Subresource Integrity in import maps). A change makes a new version, and the older ones stay:
/// pages point to them.
struct WebviewScript: Sendable {
    let path: String
    private let document: PublicDocument

    /// Every released version; `countersign.js` is the newest one.
    static let all = [
        WebviewScript("v1.js", PackageResources.countersign_v1_js),
        WebviewScript("v2.js", PackageResources.countersign_v2_js),
        WebviewScript("js", PackageResources.countersign_v2_js, isLasting: false),
    ]

    private init(_ end: String, _ bytes: [UInt8], isLasting: Bool = true) {
        path = "/webview/countersign." + end
        document = PublicDocument(
            bytes, contentType: "text/javascript; charset=utf-8",
            cacheControl: isLasting ? "public, max-age=31536000, immutable" : "public, max-age=300")
    }

    /// Module scripts are fetched with CORS from pages of any origin; a public document allows that.
    func reply(to request: IncomingRequest) -> Reply {
        let reply = document.reply(to: request)
        guard reply.status == .ok else { return reply }
        reply.headers[.xContentTypeOptions] = "nosniff"
        reply.headers[.crossOriginResourcePolicy] = "cross-origin"
        return reply
    }
}
