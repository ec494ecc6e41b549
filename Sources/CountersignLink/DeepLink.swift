public import Foundation

/// The link by which NewStore's Associate App opens a native app: who is asking, and for which cart.
///
/// Only ``externalIdentity`` can be verified, by ``SessionClient``. The rest is what the app says, unsigned: show nothing
/// and give nothing away before the identity has been verified.
public struct DeepLink: Sendable {
    /// More than NewStore's carts need.
    public static let maximumBytes = 65_536

    /// The app's own; it goes back to the app in ``applyCoupons(adding:removing:)``.
    public let securityToken: SecurityToken
    /// Proves who is asking, once Countersign has confirmed it.
    public let externalIdentity: ExternalIdentity
    public let cart: Cart
    public let store: Store

    /// Reads a link as the system hands it to an app. One of more than `maximumBytes` is not looked at.
    public init(_ link: URL, maximumBytes: Int = DeepLink.maximumBytes) throws(DeepLinkError) {
        try self.init(link.absoluteString, maximumBytes: maximumBytes)
    }

    /// Reads the text of a link. Its query may be percent-encoded part by part, or as a whole once more or up to three
    /// times. Parameters with other names do not count.
    public init(_ link: String, maximumBytes: Int = DeepLink.maximumBytes) throws(DeepLinkError) {
        guard link.utf8.count <= maximumBytes else { throw .tooLong(.link, maximumBytes: maximumBytes) }
        let parameters = try LinkParameters(of: Array(link.utf8))
        securityToken = SecurityToken(try parameters.word(.token))
        externalIdentity = ExternalIdentity(try parameters.word(.externalIdentity))
        cart = try parameters.json(.cart)
        store = try parameters.json(.store)
    }

    /// The link back to the Associate App, which then has these coupons in the cart: those that were selected, in their
    /// order, and the added ones. The app takes a coupon away that does not come back.
    /// - Parameters:
    ///   - adding: codes; one that the cart already has is not added twice.
    ///   - removing: codes that are left out.
    public func applyCoupons(adding: [String], removing: [String] = []) -> URL {
        // By their bytes: two spellings that look alike are two codes.
        let removed = Set(removing.map { Array($0.utf8) })
        var seen: Set<[UInt8]> = []
        let codes = (cart.selectedCoupons + adding).filter { code in
            !removed.contains(Array(code.utf8)) && seen.insert(Array(code.utf8)).inserted
        }
        // NewStore writes `coupons[]`; a `URL` cannot hold brackets that are not encoded.
        let parameters =
            codes.map { ("coupons%5B%5D", $0) } + [("cartId", cart.cartID), ("token", securityToken.value)]
        let query = parameters.map { "\($0)=\(Self.percentEncoded($1))" }.joined(separator: "&")
        return URL(string: "com.newstore.associate-one://cart.more.loyaltyProgram/applyCoupons?\(query)")!
    }

    /// All except the unreserved characters of RFC 3986.
    private static func percentEncoded(_ text: String) -> String {
        let digits = Array("0123456789ABCDEF".unicodeScalars)
        var encoded = String.UnicodeScalarView()
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.append(Unicode.Scalar(byte))
            default: encoded.append(contentsOf: ["%", digits[Int(byte >> 4)], digits[Int(byte & 15)]])
            }
        }
        return String(encoded)
    }
}
