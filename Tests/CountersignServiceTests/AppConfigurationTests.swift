import CountersignService
import Foundation
import ServiceConfiguration
import TestSupport
import Testing
import TokenExchange

/// What `countersign app-config` prints for NewStore.
@Suite struct AppConfigurationTests {
    /// Two tenants: `acme-staging` with both providers, `acme` with the second.
    private var configuration: Configuration {
        get throws {
            var settings = CountersignProcess.Settings()
            settings.publicURL = "https://identity.acme.example"
            settings.providers =
                CountersignProcess.Settings.provider("vip-loyalty")
                + "  - { name: notes, tenants: [acme, acme-staging], webview: { origins: [\"https://notes.acme.example\"] } }\n"
            let other = "  - { name: acme, issuer: \"https://id.example/acme\", keys: { jwks_file: issuer.json } }\n"
            let folder = TemporaryFolder()
            let yaml = settings.yaml.replacing("identity_providers:\n", with: other + "identity_providers:\n")
            return try Configuration.parse(file: try folder.write("c.yaml", yaml), environment: [:])
        }
    }

    private func integration(_ tenant: ExactText?, _ loyalty: AppConfiguration.Loyalty? = nil) throws -> JSONValue {
        let text = try AppConfiguration(try configuration, tenant: tenant, loyalty: loyalty).text
        return try #require(try JSONValue(parsing: Array(text.utf8))["external_integration"])
    }

    private func names(_ tenant: ExactText?) throws -> [ExactText] {
        guard case .array(let urls) = try integration(tenant)["post_login_callback_urls"] else { return [] }
        return urls.compactMap { $0["identity_provider"]?.string }
    }

    @Test func listsOnlyTheProvidersOfATenant() throws {
        #expect(try names("acme") == ["notes"])
        #expect(try names("acme-staging") == ["vip-loyalty", "notes"])
        #expect(try names(nil) == ["vip-loyalty", "notes"])
        #expect(try integration("acme")["cart.more.loyaltyProgram"] == nil)
        let error = #expect(throws: StartUpError.self) { try names("acme-live") }
        #expect(error.text == "there is no tenant \"acme-live\"; known are acme-staging, acme")
    }

    @Test(arguments: [("acme-loyalty://open/card", true), ("https://loyalty.acme.example/cart", false)])
    func addsTheLoyaltyProgramWhereItIsAskedFor(url: String, isDeepLink: Bool) throws {
        let loyalty = AppConfiguration.Loyalty(provider: "vip-loyalty", url: url, isDeepLink: isDeepLink)
        #expect(
            try integration("acme-staging", loyalty)["cart.more.loyaltyProgram"]
                == .object([
                    .init("url", .string(url)), .init("is_deeplink", .bool(isDeepLink)),
                    .init("identity_provider", .string("vip-loyalty")),
                ]))
    }

    @Test func refusesALoyaltyProviderThatTheTenantDoesNotHave() throws {
        let loyalty = AppConfiguration.Loyalty(provider: "vip-loyalty", url: "https://x.example", isDeepLink: false)
        let error = #expect(throws: StartUpError.self) { try integration("acme", loyalty) }
        #expect(error.text == "expected the name of an identity provider of acme (notes), found \"vip-loyalty\"")
    }

    @Test(arguments: [
        ("https://x.example?a=b", false), ("https://x.example#f", false), ("acme://open", false), ("https://", false),
        ("x.example", false), ("", false), ("https://x .example", false), ("https://x.example/\u{7}", false),
        ("acme://open?a", true), ("acme:open", true), ("1acme://open", true), ("://open", true),
    ])
    func refusesALoyaltyURLThatNewStoreCouldNotUse(url: String, isDeepLink: Bool) throws {
        let loyalty = AppConfiguration.Loyalty(provider: "notes", url: url, isDeepLink: isDeepLink)
        let error = #expect(throws: StartUpError.self) { try integration("acme", loyalty) }
        #expect(error.text.contains("without query and fragment, found \""), "\(error.text)")
        #expect(error.text.utf8.allSatisfy { $0 >= 0x20 })
    }

    @Test func saysWhatToEnterForEachWebview() throws {
        let text = try AppConfiguration(try configuration, tenant: "acme-staging").webviewText
        #expect(
            text.hasSuffix(
                """

                vip-loyalty
                  Type               Webview
                  Authentication     on
                  Identity provider  vip-loyalty
                  URL                none yet: add the origin of the page to webview.origins, or it cannot ask /session

                notes
                  Type               Webview
                  Authentication     on
                  Identity provider  notes
                  URL                a page of https://notes.acme.example
                """))
        #expect(!(try AppConfiguration(try configuration, tenant: "acme").webviewText).contains("vip-loyalty"))
    }
}
