import CountersignLink
import Foundation

/// A deep link as NewStore's guides describe it, to be spelled in every way.
struct SampleLink {
    static let cart = #"""
        {"items":[{"productId":"1000071","itemId":"8a87355d-5153-44a5-b69e-62fb24f69dad","price":95}],\#
        "selectedCoupons":["A1","B2"],"cartId":"5716d9c8-19b0-47e3-b35b-394fefe10e0d","currency":"USD",\#
        "remainingAmount":103.44,"grandTotal":103.44,"subTotal":99.12,"customerEmail":"customer+1@newstore.com"}
        """#
    static let store = #"{"storeId":"store-123","countryCode":"US"}"#
    static let token = "0123456789abcdef0123456789abcdef"
    static let identity = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhIn0.c2ln-_"

    var token = SampleLink.token
    var identity = SampleLink.identity
    var cart = SampleLink.cart
    var store = SampleLink.store

    /// Each value encoded by itself.
    var query: String {
        "token=\(token)&externalIdentity=\(identity)&cart=\(Self.encoded(cart))&store=\(Self.encoded(store))"
    }

    /// No value encoded: only good inside a query that is encoded as a whole.
    var rawQuery: String { "token=\(token)&externalIdentity=\(identity)&cart=\(cart)&store=\(store)" }

    static func link(_ query: String) -> String { "acme-loyalty://open?\(query)" }

    static func encoded(_ text: String, times: Int = 1) -> String {
        (0..<times).reduce(text) { text, _ in
            text.utf8.map { byte in
                let isPlain = "abcdefghijklmnopqrstuvwxyz0123456789".utf8.contains(byte)
                return isPlain ? String(UnicodeScalar(byte)) : "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
            }.joined()
        }
    }

    /// Every way to write one and the same link.
    static let spellings: [String] = {
        let sample = SampleLink()
        let parts = sample.query.components(separatedBy: "&")
        let twice =
            "token=\(sample.token)&externalIdentity=\(sample.identity)"
            + "&cart=\(encoded(sample.cart, times: 2))&store=\(encoded(sample.store, times: 3))"
        let queries =
            [
                sample.query, parts.reversed().joined(separator: "&"), twice, "campaign=1&&\(sample.query)&",
                sample.rawQuery,
            ]
            + [sample.query, sample.rawQuery, twice].flatMap { query in (1...3).map { encoded(query, times: $0) } }
            + ["campaign=1&\(encoded(sample.query))", "\(sample.query)#token=other&cart=other"]
        return queries.map(link) + [
            "https://loyalty.acme.example/open?\(sample.query)", "acme-loyalty:?\(sample.query)",
        ]
    }()

    typealias Fault = (link: String, error: DeepLinkError)

    /// Links that are at fault, with what they must get.
    static let faults: [Fault] = faultsOfEach + faultsOfForm + faultsOfTokens + faultsOfJSON

    private static let faultsOfEach: [Fault] = DeepLinkError.Part.allCases.filter { $0 != .link }.flatMap { part in
        let name = part.rawValue
        let parts = SampleLink().query.components(separatedBy: "&")
        let rest = link(parts.filter { !$0.hasPrefix(name) }.joined(separator: "&"))
        let missing = ["", "&\(name)=", "&\(name)=null", "&\(name)=%28NULL%29", "&\(name.uppercased())=x"]
        let wronglyEncoded = ["&\(name)=%7", "&\(name)=%zz", "&\(name)=%ff%fe"]
        let doubled = [link(SampleLink().query + "&\(name)=x"), link(encoded(SampleLink().rawQuery + "&\(name)="))]
        return missing.map { Fault(rest + $0, .missing(part)) }
            + wronglyEncoded.map { Fault(rest + $0, .wronglyEncoded(part)) } + doubled.map { Fault($0, .doubled(part)) }
    }

    private static let faultsOfForm: [Fault] = [
        ("acme-loyalty://open", .missing(.token)), ("", .missing(.token)), ("?", .missing(.token)),
        (link("token%3Da%zz"), .wronglyEncoded(.link)),
        (link(encoded(SampleLink().query, times: 4)), .missing(.token)),
    ]

    private static let faultsOfTokens: [Fault] =
        ["a%20b", "a%0d%0aX-Evil:1", "caf%c3%a9", "%00"].flatMap { text in
            [
                Fault(link(SampleLink(identity: text).query), .malformed(.externalIdentity, member: nil)),
                Fault(link(SampleLink(token: text).query), .malformed(.token, member: nil)),
            ]
        }

    private static let faultsOfJSON: [Fault] = {
        let nested = String(repeating: #"{"a":"#, count: 3000)
        let noObjects: [String] = ["[]", "7", "{", String(cart.dropLast()), cart + "x", nested]
        let wrongMembers: [(cart: String, member: String)] = [
            ("{}", "cartId"), (#"{"cartId":7}"#, "cartId"), (#"{"cartId":null}"#, "cartId"),
            (cart.replacing("95", with: "\"95\""), "items.0.price"),
            (cart.replacing("itemId", with: "item"), "items.0.itemId"),
            (cart.replacing("\"B2\"", with: "2"), "selectedCoupons.1"), (cart.replacing("[{", with: "[7,{"), "items.0"),
        ]
        return noObjects.map { Fault(link(SampleLink(cart: $0).query), .malformed(.cart, member: nil)) }
            + wrongMembers.map { Fault(link(SampleLink(cart: $0.cart).query), .malformed(.cart, member: $0.member)) }
            + [Fault(link(SampleLink(store: #"{"storeId":[]}"#).query), .malformed(.store, member: "storeId"))]
    }()
}
