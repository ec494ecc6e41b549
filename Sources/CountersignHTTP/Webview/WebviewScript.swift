import HTTPTypes

/// `GET /webview/countersign.v1.js` and so on: a script for pages that the Associate App opens. Public, the same for everybody.
///
/// The files beside this one are compiled into the program. A version's bytes never change once it is released: pages
/// name them by their digest (Subresource Integrity in import maps). What changes becomes the next version, and the older ones stay,
/// since pages in use point to them.
struct WebviewScript: Sendable {
    let path: String
    private let document: PublicDocument
    private let cacheControl: String

    /// `countersign.js` is the newest version.
    static let all = [
        WebviewScript("v1.js", PackageResources.countersign_v1_js),
        WebviewScript("v2.js", PackageResources.countersign_v2_js),
        WebviewScript("js", PackageResources.countersign_v2_js, isLasting: false),
    ]

    private init(_ end: String, _ bytes: [UInt8], isLasting: Bool = true) {
        path = "/webview/countersign." + end
        document = PublicDocument(bytes, contentType: "text/javascript; charset=utf-8")
        cacheControl = isLasting ? "public, max-age=31536000, immutable" : "public, max-age=300"
    }

    /// Module scripts are fetched with CORS, whatever page they stand in; a public document allows that.
    func reply(to request: IncomingRequest) -> Reply {
        var reply = document.reply(to: request, cacheControl: cacheControl)
        guard reply.status == .ok else { return reply }
        reply.headers[.xContentTypeOptions] = "nosniff"
        reply.headers[.crossOriginResourcePolicy] = "cross-origin"
        return reply
    }
}
