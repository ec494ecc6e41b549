import CountersignLink
import Foundation
import TestSupport
import Testing

/// The kit for native apps, and its example, with Countersign itself.
@Suite struct NativeKitTests {
    private static let cart =
        "%7B%22cartId%22%3A%225716d9c8%22%2C%22selectedCoupons%22%3A%5B%22A1%22%5D%7D&store=%7B%22storeId%22%3A%22store-123%22%7D"

    private static func link(_ identity: String) -> String {
        "acme-loyalty://open?token=0123456789abcdef&externalIdentity=\(identity)&cart=\(cart)"
    }

    private func open(
        _ link: String, at service: String, provider: String = "vip-loyalty"
    ) async throws -> CountersignProcess.CommandResult {
        let program = URL(filePath: CountersignProcess.program).deletingLastPathComponent()
            .appending(path: "OpenDeepLink").path
        return try await CountersignProcess.run(program, [service, provider, link, "WELCOME 10"])
    }

    @Test func knowsWhoIsAskingAndTakesCouponsBack() async throws {
        let verifier = TestVerifier("back-end", of: "vip-loyalty", mayRevoke: "true")
        var settings = CountersignProcess.Settings()
        settings.verifiers = [verifier]
        let service = try await CountersignProcess.start(settings)
        let url = "http://127.0.0.1:\(service.publicPort)"
        let identity = try #require(try service.exchange(try ModelToken.fresh()).externalIdentity)

        let opened = try await open(Self.link(identity), at: url)
        #expect(opened.status == 0)
        #expect(
            opened.output == """
                f3a1c9de-5b0e-4c62-8a77-0d2f9b1c4e55 in store-123 asks for cart 5716d9c8
                com.newstore.associate-one://cart.more.loyaltyProgram/applyCoupons?coupons%5B%5D=A1&coupons%5B%5D=WELCOME%2010\
                &cartId=5716d9c8&token=0123456789abcdef

                """)

        let client = SessionClient(service: try #require(URL(string: url)), identityProvider: "vip-loyalty")
        let session = try await client.session(of: try DeepLink(Self.link(identity)).externalIdentity)
        #expect(session.tenant == "acme-staging" && session.isConfirmed)

        #expect(try await open(Self.link(identity), at: url, provider: "notes").output == "log in again\n")
        #expect(try await open(Self.link("rubbish"), at: url).output == "log in again\n")
        #expect(try await open(Self.link(""), at: url).output.hasPrefix("this is not NewStore's link: expected ext"))
        #expect(try service.revoke(identity, as: verifier).status == 200)
        #expect(try await open(Self.link(identity), at: url).status == 1)
        #expect(try await service.terminate() == 0)
        let away = try await open(Self.link(identity), at: url)
        #expect(away.status == 2 && away.output == "try again\n")
    }
}
