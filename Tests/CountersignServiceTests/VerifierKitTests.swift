import CountersignService
import Foundation
import JOSE
import ServiceConfiguration
import TestSupport
import Testing
import TokenExchange

/// The kit's files: each token earns its verdict by the kit's own key set, and none is good for anything else.
@Suite struct VerifierKitTests {
    private let folder: TemporaryFolder
    private let configuration: Configuration
    private let now = ManualClock.start

    init() throws {
        var settings = CountersignProcess.Settings()
        settings.providers =
            CountersignProcess.Settings.provider("vip-loyalty")
            + CountersignProcess.Settings.provider("easy", token: "kind: jwt, algorithm: ES256")
            + CountersignProcess.Settings.provider("notes", token: "kind: opaque")
        folder = try CountersignProcess.prepare(settings, at: now)
        configuration = try Configuration.parse(file: "\(folder.path)/countersign.yaml", environment: [:])
    }

    private func read(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(filePath: "\(folder.path)/kit/\(name)")))
    }

    private func verdicts(serviceKeys: SigningKeyRing? = nil) throws -> JSONValue {
        let kit = try VerifierKit(configuration, serviceKeys: serviceKeys, lifetime: .seconds(300))
        _ = try kit.write(to: "\(folder.path)/kit", now: now)
        return try JSONValue(parsing: try read("verdicts.json"))
    }

    private func tokens(of provider: JSONValue) -> [JSONValue] {
        guard case .array(let tokens) = provider["tokens"] else { return [] }
        return tokens
    }

    private func providers(_ verdicts: JSONValue) -> [JSONValue] {
        guard case .array(let providers) = verdicts["identity_providers"] else { return [] }
        return providers
    }

    @Test func coversEveryProviderThatMintsJWTs() throws {
        let verdicts = try verdicts()
        #expect(verdicts["issuer"] == .string("http://127.0.0.1:8080"))
        #expect(verdicts["signed_with"] == .string("throwaway") && verdicts["jwks"] == .string("jwks.json"))
        #expect(verdicts["good_until"] == .number(literal: "1764003900"))
        let providers = providers(verdicts)
        #expect(providers.map { $0["identity_provider"] } == [.string("vip-loyalty"), .string("easy")])
        for provider in providers {
            let names = tokens(of: provider).compactMap { $0["name"]?.string.map { String($0) } }
            #expect(
                names == [
                    "good", "revoked", "expired", "wrong_issuer", "wrong_audience", "other_provider", "wrong_key",
                    "unknown_key", "changed_claims", "cut_signature", "alg_none", "hmac_with_public_key",
                ])
        }
    }

    /// A verifier as a back end has it: signature by the kit's key set, then issuer, audience and time.
    @Test func earnsEachVerdict() throws {
        let verdicts = try verdicts()
        let verification = try JWSVerification(keySet: try read("jwks.json"), algorithms: [.es256])
        for provider in providers(verdicts) {
            for item in tokens(of: provider) {
                let file = try #require(item["file"]?.string.map { String($0) })
                #expect(
                    accepts(try read(file), verification, provider) == (item["verdict"] == .string("accept")), "\(file)"
                )
            }
        }
    }

    private func accepts(_ token: [UInt8], _ verification: JWSVerification, _ provider: JSONValue) -> Bool {
        guard let payload = try? verification.payload(of: token), let claims = try? JSONValue(parsing: payload),
            case .number(let expiry) = claims["exp"], let expiry = Int64("\(expiry)")
        else { return false }
        return claims["iss"] == .string("http://127.0.0.1:8080") && claims["aud"] == provider["audience"]
            && expiry > now.wholeSeconds
    }

    @Test func saysWhatIntrospectionMustTell() throws {
        for provider in providers(try verdicts()) {
            for item in tokens(of: provider) {
                let isGood = item["name"] == .string("good")
                #expect(item["introspection"] == (isGood ? .null : .string("inactive")))
            }
        }
    }

    /// Nothing of a kit must be worth anything where the service's own keys are trusted.
    @Test func isSignedWithKeysThatTheServiceDoesNotHave() throws {
        _ = try verdicts()
        let own = try configuration.serviceKeys(file: "my.yaml", at: now)
        let verification = try JWSVerification(keySet: own.publishedKeySet, algorithms: [])
        #expect(throws: JWSFault.key) { try verification.payload(of: try read("vip-loyalty/good.jwt")) }
    }

    @Test func isSignedWithTheServicesKeysOnlyForFiveMinutes() throws {
        let own = try configuration.serviceKeys(file: "my.yaml", at: now)
        #expect(throws: StartUpError.self) {
            try VerifierKit(configuration, serviceKeys: own, lifetime: .seconds(301))
        }
        let verdicts = try verdicts(serviceKeys: own)
        #expect(verdicts["signed_with"] == .string("service"))
        let verification = try JWSVerification(keySet: own.publishedKeySet, algorithms: [])
        let claims = try JSONValue(parsing: try verification.payload(of: try read("vip-loyalty/good.jwt")))
        #expect(claims["sub"] == .string("countersign-verifier-kit"))
    }

    @Test func overwritesNothing() throws {
        try folder.write("kit/mine.txt", "x")
        let error = #expect(throws: StartUpError.self) { try verdicts() }
        #expect(error.text.hasSuffix("/kit: expected an empty folder, or none; the kit overwrites nothing"))
    }

    @Test func saysWhyItCannotBeWritten() throws {
        try folder.write("file", "x")
        let kit = try VerifierKit(configuration, serviceKeys: nil, lifetime: .seconds(300))
        let error = #expect(throws: StartUpError.self) { try kit.write(to: "\(folder.path)/file/kit", now: now) }
        #expect(error.text.contains("/file/kit: expected a folder that the kit can be written to"))
    }

    @Test func needsAProviderThatMintsJWTs() throws {
        var settings = CountersignProcess.Settings()
        settings.providers = CountersignProcess.Settings.provider("notes", token: "kind: opaque")
        try folder.write("countersign.yaml", settings.yaml)
        let opaque = try Configuration.parse(file: "\(folder.path)/countersign.yaml", environment: [:])
        #expect(throws: StartUpError.self) { try VerifierKit(opaque, serviceKeys: nil, lifetime: .seconds(300)) }
    }
}
