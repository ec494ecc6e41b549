import ServiceConfiguration
import Testing
import TokenExchange

/// What a tenant's rules make of names.
@Suite struct TenantRulesTests {
    let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
    }

    private func rules(with line: String) throws -> TenantRules? {
        let keys = "    keys: { public_key_files: [acme.pem] }\n"
        return try folder.load(shortest.replacing(keys, with: "\(keys)    \(line)\n"), environment: [:])
            .tenants.first?.rules
    }

    /// To the byte: what Unicode takes for the same is two names, and what differs must not be lost.
    @Test func keepsTwoSpellingsOfOneCharacterApart() throws {
        let audiences = try #require(try rules(with: "audiences: [\"caf\u{E9}\", \"cafe\u{301}\"]")).audiences
        #expect(audiences == ["caf\u{E9}", "cafe\u{301}"] && audiences.count == 2)
    }

    @Test(arguments: ["Ed25519", "EdDSA", "EdDSA, Ed25519"])
    func takesEdDSAByEitherOfItsNames(_ names: String) throws {
        #expect(try rules(with: "algorithms: [\(names)]")?.algorithms == [.edDSA])
    }
}
