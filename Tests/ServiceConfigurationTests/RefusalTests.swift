import Foundation
import ServiceConfiguration
import Testing

@Suite struct RefusalTests {
    let folder: ScratchFolder

    init() throws {
        folder = try ScratchFolder()
    }

    @Test(arguments: Refusal.documents + Refusal.services + Refusal.listening + Refusal.outbound + Refusal.traces)
    func refusesWhatIsWrongInTheServiceSections(_ refusal: Refusal) throws {
        #expect(try complaints(about: refusal) == refusal.complaint)
    }

    @Test(arguments: Refusal.tenants)
    func refusesWhatIsWrongInATenant(_ refusal: Refusal) throws {
        #expect(try complaints(about: refusal) == refusal.complaint)
    }

    @Test(arguments: Refusal.identityProviders)
    func refusesWhatIsWrongInAnIdentityProvider(_ refusal: Refusal) throws {
        #expect(try complaints(about: refusal) == refusal.complaint)
    }

    @Test(arguments: Refusal.verifiers)
    func refusesWhatIsWrongInAVerifier(_ refusal: Refusal) throws {
        #expect(try complaints(about: refusal) == refusal.complaint)
    }

    @Test func neverRepeatsWhatStandsWhereASecretBelongs() throws {
        let marked = (Refusal.services + Refusal.outbound + Refusal.verifiers + Refusal.traces).filter {
            $0.yaml.contains("marker")
        }
        #expect(marked.count == 9)
        for refusal in marked {
            #expect(try !complaints(about: refusal).contains("marker"))
        }
    }

    @Test func reportsEveryProblemInDocumentOrder() throws {
        let yaml = """
            public_url: http://identity.acme.example
            signing: { directory: keys, jwks_max_age: 2d }
            tenants:
              - name: acme
                issuer: https://id.example/realms/acme
                keys: { jwks_url: http://id.example/certs }
                clock_skw: 10s
            identity_providers:
              - name: loyalty
                tenants: [acme, amce]
                token: { kind: opaque, claims: { sub: { from: sub } } }
            """
        let lines = try folder.complaints(about: yaml).split(separator: "\n").map { $0.prefix { $0 != " " } }
        #expect(lines == [1, 2, 6, 7, 10, 11].map { "config.yaml:\($0):" })
    }

    @Test func refusesAFileThatIsNotThere() throws {
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration.load(file: folder.path + "/absent.yaml", environment: [:])
        }
        let path = folder.path + "/absent.yaml"
        #expect(
            error?.description
                == "\(path): expected a readable file, found \(path): No such file or directory. Name the file with --config, or "
                + "make a first one: `countersign init --config FILE`.")
    }

    @Test func refusesAnEmptyFile() throws {
        #expect(try folder.complaints(about: "# nothing\n") == "config.yaml: expected a mapping, found an empty file.")
        #expect(try folder.complaints(about: "- a\n") == "config.yaml:1: expected a mapping, found a list.")
    }

    @Test func refusesAFileThatIsTooLong() throws {
        let long = shortest + String(repeating: "# padding\n", count: 110_000)
        #expect(
            try folder.complaints(about: long)
                == "config.yaml: expected a file of at most 1048576 bytes, found a longer one: config.yaml.")
    }

    @Test func refusesDeepNesting() throws {
        let deep = try folder.complaints(about: "a: " + String(repeating: "[", count: 100_000))
        #expect(deep.hasPrefix("config.yaml:1: expected YAML, found a syntax error:"))
        for (depth, isGood) in [(32, true), (33, false), (900, false)] {
            let value = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            let claims = "    token: { claims: { a: { value: \(value) } } }\n"
            let complaint = try folder.complaints(about: shortest + claims)
            #expect(complaint.isEmpty == isGood && (isGood || complaint.contains("at most 32 deep, found more.")))
        }
    }

    @Test func documentsRealMessages() throws {
        let reference = try String(contentsOf: repositoryPath("docs/configuration.md"), encoding: .utf8)
        let blocks = reference.split(separator: "\n```\n").map { $0.split(separator: "\n```yaml\n").last ?? "" }
        let (yaml, messages) = (blocks[blocks.count - 3], blocks[blocks.count - 1])
        #expect(try folder.complaints(about: String(yaml)) == messages)
    }

    @Test func refusesBytesThatAreNoText() throws {
        try folder.write(Data([0x61, 0x3A, 0x20, 0xFF]), to: "latin.yaml")
        let error = #expect(throws: ConfigurationError.self) {
            try Configuration.load(file: folder.path + "/latin.yaml", environment: [:])
        }
        let words = "latin.yaml:1: expected text in UTF-8, found bytes of another encoding, such as Latin-1. "
        #expect(error?.description.hasSuffix(words + "Save the file as UTF-8.") == true)
        let control = try folder.complaints(about: "a: b\nc: \u{1}\n")
        #expect(control.hasPrefix("config.yaml:2: expected YAML, found a syntax error: control characters"))
    }

    private func complaints(about refusal: Refusal) throws -> String {
        try folder.complaints(
            about: refusal.yaml,
            environment: ["EMPTY": "", "SHORT": "marker-15-chars", "TWO_LINES": "a\nb", "UMLAUT": "schlüssel"])
    }
}
