/// A script for pages that the Associate App opens, as it is served.
///
/// The files beside this one are compiled into the program. A version's bytes never change once it is released: pages
/// name them by their digest (Subresource Integrity in import maps). What changes becomes the next version, and the older ones stay,
/// since pages in use point to them.
struct WebviewScript: Sendable {
    let document: PublicDocument

    static let version1 = WebviewScript(PackageResources.countersign_v1_js)
    static let version2 = WebviewScript(PackageResources.countersign_v2_js)

    private init(_ bytes: [UInt8]) {
        document = PublicDocument(bytes, contentType: "text/javascript; charset=utf-8")
    }
}
