import CountersignLink
import Foundation
import TestSupport
import Testing

/// The Kotlin file does what the Swift library does. Needs `kotlinc` and `java`; without them it is untested.
@Suite struct KotlinTests {
    private static let compiler = CountersignProcess.path(of: "kotlinc")
    private static let repository = CountersignProcess.repository

    private static func text(_ value: Decimal?) -> String { value.map { "\($0)" } ?? "-" }

    private static func outcome(_ link: String) -> String {
        do throws(DeepLinkError) {
            let link = try DeepLink(link)
            let cart = link.cart
            return [
                link.securityToken.value, link.externalIdentity.value, cart.cartID,
                cart.items.map { "\($0.itemID)/\($0.productID)/\(text($0.price))" }.joined(separator: ","),
                cart.selectedCoupons.joined(separator: ","), cart.currency ?? "-", text(cart.remainingAmount),
                text(cart.grandTotal), text(cart.subTotal), cart.customerEmail ?? "-", link.store.storeID,
                link.store.countryCode ?? "-",
                link.applyCoupons(adding: ["NEW & é", "A1", "A1"], removing: ["B2"]).absoluteString,
            ].joined(separator: " | ")
        } catch {
            switch error {
            case .missing(let part): return "MISSING \(part.rawValue) -"
            case .doubled(let part): return "DOUBLED \(part.rawValue) -"
            case .wronglyEncoded(let part): return "WRONGLY_ENCODED \(part.rawValue) -"
            case .malformed(let part, let member): return "MALFORMED \(part.rawValue) \(member ?? "-")"
            case .tooLong(let part, _): return "TOO_LONG \(part.rawValue) -"
            }
        }
    }

    @Test(.enabled(if: compiler != nil, "no kotlinc here: Examples/native/CountersignLink.kt is not tested"))
    func readsLinksAsTheSwiftLibraryDoes() async throws {
        let folder = TemporaryFolder()
        let compiled = try await CountersignProcess.run(
            try #require(Self.compiler),
            [
                "\(Self.repository)/Examples/native/CountersignLink.kt",
                "\(Self.repository)/Tests/CountersignLinkTests/Driver.kt", "-include-runtime", "-d",
                "\(folder.path)/kit.jar",
            ], within: .seconds(240))
        #expect(compiled.status == 0, "\(compiled.output)")
        let links = SampleLink.spellings + SampleLink.faults.map(\.link) + [String(repeating: "a", count: 1 << 20)]
        let lines = links.filter { !$0.isEmpty }
        let run = try await CountersignProcess.run(
            "java", ["-cp", "\(folder.path)/kit.jar", "DriverKt"], input: Array(lines.joined(separator: "\n").utf8))
        let outcomes = run.output.split(separator: "\n").map(String.init)
        #expect(outcomes.count == lines.count, "\(run.output.suffix(2000))")
        for (line, outcome) in zip(lines, outcomes) { #expect(outcome == Self.outcome(line), "\(line)") }
    }
}
