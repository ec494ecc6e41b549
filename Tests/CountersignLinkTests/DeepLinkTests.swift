import CountersignLink
import Foundation
import Testing

@Suite struct DeepLinkTests {
    @Test(arguments: SampleLink.spellings) func readsEverySpelling(link: String) throws {
        for link in [try DeepLink(link), try DeepLink(try #require(URL(string: link)))] {
            #expect(link.securityToken.value == SampleLink.token && link.externalIdentity.value == SampleLink.identity)
            #expect(link.store.storeID == "store-123" && link.store.countryCode == "US")
            #expect(link.cart.cartID == "5716d9c8-19b0-47e3-b35b-394fefe10e0d" && link.cart.currency == "USD")
            #expect(link.cart.items.map(\.itemID) == ["8a87355d-5153-44a5-b69e-62fb24f69dad"])
            #expect(link.cart.items.map(\.productID) == ["1000071"] && link.cart.items.map(\.price) == [95])
            #expect(link.cart.selectedCoupons == ["A1", "B2"])
            #expect(link.cart.customerEmail == "customer+1@newstore.com", "a plus sign is no blank")
        }
    }

    @Test func readsAmountsToTheCent() throws {
        let cart = try DeepLink(SampleLink.spellings[0]).cart
        #expect(cart.remainingAmount == Decimal(string: "103.44") && cart.grandTotal == Decimal(string: "103.44"))
        #expect(cart.subTotal == Decimal(string: "99.12"))
    }

    @Test func needsOfACartOnlyItsName() throws {
        let link = try DeepLink(
            SampleLink.link(SampleLink(cart: #"{"cartId":"c","more":{}}"#, store: #"{"storeId":"s"}"#).query))
        #expect(link.cart.items.isEmpty && link.cart.selectedCoupons.isEmpty && link.cart.currency == nil)
        #expect(link.cart.remainingAmount == nil && link.store.countryCode == nil)
    }

    @Test(arguments: SampleLink.faults) func namesThePartAtFault(link: String, error: DeepLinkError) {
        #expect(throws: error, "\(link)") { try DeepLink(link) }
    }

    /// What a customer types must not become a part of the link.
    @Test(arguments: [
        "&externalIdentity=evil", #"\"}&externalIdentity=evil&x={\""#, "&token=evil&token=evil", "100%", "%41", "a&b=c",
        "}",
        "{",
    ])
    func takesTextWithinTheCartForText(email: String) throws {
        let cart = #"{"cartId":"c","customerEmail":"\#(email)"}"#
        let sample = SampleLink(cart: cart)
        let wanted = email.replacing(#"\""#, with: "\"")
        for query in [sample.query] + (1...3).map({ SampleLink.encoded(sample.rawQuery, times: $0) }) {
            let link = try DeepLink(SampleLink.link(query))
            #expect(link.cart.customerEmail == wanted && link.externalIdentity.value == SampleLink.identity)
        }
    }

    @Test func looksAtNoLinkThatIsTooLong() throws {
        let plain = SampleLink.spellings[0]
        let room = DeepLink.maximumBytes - plain.utf8.count - 3
        for count in [room - 1, room] {
            #expect(try DeepLink(plain + "&x=" + String(repeating: "a", count: count)).store.storeID == "store-123")
        }
        for count in [room + 1, 1 << 20] {
            #expect(throws: DeepLinkError.tooLong(.link, maximumBytes: 65_536)) {
                try DeepLink(plain + "&x=" + String(repeating: "a", count: count))
            }
        }
        #expect(throws: DeepLinkError.tooLong(.link, maximumBytes: 9)) { try DeepLink(plain, maximumBytes: 9) }
    }

    /// Bytes that a phone may be handed by any other app: an error, whatever they are.
    @Test func survivesWhateverComes() {
        var random = SystemRandomNumberGenerator()
        let plain = Array(SampleLink.spellings[0].utf8)
        let alphabet = Array("%{}\"\\&=?#25zÿ[],:0".utf8) + [0, 0xFF]
        for _ in 0..<3000 {
            var bytes = plain
            for _ in 0..<Int.random(in: 1...8, using: &random) {
                let position = Int.random(in: 0..<bytes.count, using: &random)
                bytes[position] = alphabet.randomElement(using: &random) ?? 0
                if Bool.random(using: &random) { bytes.removeSubrange(position..<min(position + 5, bytes.count)) }
            }
            _ = try? DeepLink(String(decoding: bytes, as: UTF8.self))
        }
    }

    // MARK: The way back

    private func coupons(
        _ selected: String, adding: [String], removing: [String] = []
    ) throws -> String {
        let cart = #"{"cartId":"a b/é","selectedCoupons":\#(selected)}"#
        let link = try DeepLink(SampleLink.link(SampleLink(token: "abcdef", cart: cart).query))
        return link.applyCoupons(adding: adding, removing: removing).absoluteString
    }

    @Test func givesSelectedCouponsBackInTheirOrderWithTheNewOnes() throws {
        let start = "com.newstore.associate-one://cart.more.loyaltyProgram/applyCoupons?"
        let end = "cartId=a%20b%2F%C3%A9&token=abcdef"
        #expect(try coupons("[]", adding: ["A", "B"]) == start + "coupons%5B%5D=A&coupons%5B%5D=B&" + end)
        #expect(
            try coupons(#"["Z","A"]"#, adding: ["M", "A"])
                == start + "coupons%5B%5D=Z&coupons%5B%5D=A&coupons%5B%5D=M&" + end)
        #expect(try coupons(#"["Z","A"]"#, adding: [], removing: ["Z"]) == start + "coupons%5B%5D=A&" + end)
        #expect(try coupons(#"["Z"]"#, adding: [], removing: ["Z"]) == start + end)
        #expect(
            try coupons("[]", adding: ["10% & more=é+#"])
                == start + "coupons%5B%5D=10%25%20%26%20more%3D%C3%A9%2B%23&" + end)
    }

    @Test func tellsCodesApartByTheirBytes() throws {
        let link = try coupons("[\"caf\u{E9}\"]", adding: ["cafe\u{301}"])
        #expect(link.contains("coupons%5B%5D=caf%C3%A9&coupons%5B%5D=cafe%CC%81&"))
    }

    // MARK: Secrecy

    @Test func printsNoToken() throws {
        let link = try DeepLink(SampleLink.spellings[0])
        var dumped = ""
        dump(link, to: &dumped)
        for text in ["\(link)", String(reflecting: link), dumped] {
            #expect(text.contains("store-123"), "it prints the rest")
            #expect(!text.contains(SampleLink.identity) && !text.contains(SampleLink.token))
        }
    }

    @Test func saysWhatIsWrongWithoutSayingWhatIsThere() {
        for (_, error) in SampleLink.faults {
            #expect("\(error)".hasPrefix("expected ") && !"\(error)".contains("newstore.com"))
        }
        #expect("\(DeepLinkError.malformed(.cart, member: "items.0.price"))".contains("items.0.price"))
        #expect("\(DeepLinkError.missing(.externalIdentity))".hasSuffix("the associate has to log in again"))
    }
}
