import Foundation
import FoundationXML
import JOSE
import TestSupport
import Testing
import TokenExchange

/// `countersign keys`, as an operator and as cron use it.
@Suite struct KeyCommandTests {
    private func keys(
        signing: String = "{ directory: signing }", algorithms: [SignatureAlgorithm] = [.es256],
        lifetime: String = "3h"
    ) throws -> (KeyOperator, TemporaryFolder) {
        var settings = CountersignProcess.Settings()
        settings.signing = signing
        settings.providers = CountersignProcess.Settings.provider("vip-loyalty", token: "lifetime: \(lifetime)")
        settings.algorithms = algorithms
        let folder = try CountersignProcess.prepare(settings)
        return (KeyOperator(folder: folder.path), folder)
    }

    @Test func refusesWhatWouldBreakTokensUnlessSomebodySaysYes() async throws {
        let (keys, folder) = try keys()
        let first = try #require(try keys.manifest().keys.first)
        let second = try await keys.generate()
        let early = try await keys.run("activate", String(second.keyID))
        #expect(early.status == 1 && early.output.contains("may not sign before"))
        let unasked = try await keys.run("activate", String(second.keyID), "--force")
        #expect(unasked.status == 1 && unasked.output.contains("add --yes") && unasked.output.contains("until "))
        #expect(try keys.manifest().active(.es256)?.keyID == first.keyID)
        #expect(try await keys.run("activate", String(second.keyID), "--force", "--yes").status == 0)
        #expect(try keys.manifest().record(second.keyID)?.isForced == true)
        let retired = try await keys.run("retire", String(first.keyID))
        #expect(retired.status == 0 && retired.output.contains("so already"))
        #expect(try await keys.run("retire", String(first.keyID), "--force").status == 1)
        #expect(try await keys.run("retire", String(first.keyID), "--force", "--yes").status == 0)
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/signing")
        #expect(names.contains("\(first.fileName).removed"))
        #expect(try await keys.run("retire", String(second.keyID)).output.contains("the only one that can sign ES256"))
        #expect(try await keys.run("activate", "nobody").output.contains("countersign keys list"))
        #expect(
            try await CountersignProcess.run("check-config", "--config", "\(folder.path)/countersign.yaml").status == 0)
    }

    @Test(arguments: ["list", "rehearse"]) func drawsTheLivesOfKeys(command: String) async throws {
        let (keys, folder) = try keys()
        let file = "\(folder.path)/keys.svg"
        let result = try await keys.run(command, "--svg", file)
        #expect(result.status == 0 && result.output.contains(command == "list" ? "ES256" : "key B is active"))
        let drawing = try XMLDocument(data: Data(contentsOf: URL(filePath: file)))
        let texts = try drawing.nodes(forXPath: "//*[local-name()='text']").compactMap(\.stringValue)
        for text in ["Today", "signs new tokens", "Times are UTC."] { #expect(texts.contains(text), "\(texts)") }
        #expect(texts.contains { $0.contains("B signs, A retires") } && texts.contains { $0.contains("A is gone") })
        let nowhere = try await keys.run(command, "--svg", "\(folder.path)/no/keys.svg")
        #expect(nowhere.status == 1 && nowhere.output.contains("expected a file that can be written"))
    }

    @Test func listsKeysForPeopleAndForPrograms() async throws {
        let (keys, folder) = try keys()
        let second = try await keys.generate()
        let table = try await keys.run("list").output.split(separator: "\n")
        #expect(table.count == 3)
        for (word, column) in zip(["KID", "ALGORITHM", "STATE", "SINCE", "MAY SIGN FROM", "TOKENS DIE BY"], 0...) {
            #expect(table[0].contains(word), "\(column)")
        }
        #expect(table[2].contains(second.maySignFrom.shortText) && table[2].contains("published"))
        let list = try JSONSerialization.jsonObject(with: Data(try await keys.run("list", "--json").output.utf8))
        let entries = try #require(list as? [[String: Any]])
        #expect(entries.map { $0["state"] as? String } == ["active", "published"])
        #expect(entries[1]["may_sign_from"] as? String == second.maySignFrom.text)
        withExtendedLifetime(folder) {}
    }

    @Test func advancesByItselfAndOnlyWhenAStepIsDue() async throws {
        let (keys, folder) = try keys(
            signing: "{ directory: signing, jwks_max_age: 0s, rotation: { every: 10s, refresh_lag: 1s } }",
            algorithms: [])
        for arguments in [["advance", "--dry-run"], ["advance"]] {
            let early = try await keys.run(arguments)
            #expect(early.status == 1 && early.output.contains("expected a directory"))
        }
        #expect(try await keys.run("generate").output.contains("is active"))
        let again = try await keys.run("advance")
        #expect(again.status == 0)
        #expect(again.output.hasPrefix("Nothing is due.\nNext: make an ES256 key, due at "))
        let since = try #require(try keys.manifest().active(.es256)).since
        try await keys.waitUntil(since + .seconds(9))
        let before = try keys.manifest()
        #expect(try await keys.run("advance", "--dry-run").output.contains("Would make an ES256 key."))
        #expect(try keys.manifest() == before)
        #expect(try await keys.run("advance").output.contains("is published"))
        let second = try #require(try keys.manifest().keys.last)
        try await keys.waitUntil(second.maySignFrom)
        #expect(try await keys.run("advance").output.contains("is retiring"))
        #expect(try keys.manifest().active(.es256)?.keyID == second.keyID)
        withExtendedLifetime(folder) {}
    }

    @Test func readsEncryptedKeysWithThePassphraseAndSaysSoWithoutIt() async throws {
        let (keys, folder) = try keys(signing: "{ directory: signing, passphrase: { file: phrase } }", algorithms: [])
        try folder.write("phrase", "correct horse\n")
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: "\(folder.path)/phrase")
        let made = try await keys.run("generate")
        #expect(made.status == 0, "\(made.output)")
        let file = "\(folder.path)/countersign.yaml"
        #expect(try await CountersignProcess.run("check-config", "--config", file).status == 0)
        try folder.write("countersign.yaml", CountersignProcess.Settings().yaml)
        let refused = try await CountersignProcess.run("check-config", "--config", file)
        #expect(refused.status == 1)
        #expect(
            refused.output.contains(".pem: expected an unencrypted") && refused.output.contains("signing.passphrase"))
    }

    @Test func losesNothingOnAFullDisk() async throws {
        let (keys, folder) = try keys()
        let before = try keys.manifest()
        let command = """
            { ( trap '' XFSZ; ulimit -f 0; "$1" keys generate --config "$2"; echo "status $?" ) 2>&1; } | cat
            """
        let result = try await CountersignProcess.run(
            "/bin/sh", ["-c", command, "sh", CountersignProcess.program, "\(folder.path)/countersign.yaml"])
        #expect(result.output.contains("cannot write the file: File too large"), "\(result.output)")
        #expect(result.output.contains("status 1"))
        #expect(try keys.manifest() == before)
        #expect(try FileManager.default.contentsOfDirectory(atPath: "\(folder.path)/signing").count == 3)
        #expect(try await keys.run("generate").status == 0)
    }

    @Test func writesAManifestThatOthersCanReadWhateverTheUmaskSays() async throws {
        let (keys, folder) = try keys()
        let result = try await CountersignProcess.run(
            "/bin/sh",
            [
                "-c", "umask 077; exec \"$1\" keys generate --config \"$2\"", "sh", CountersignProcess.program,
                "\(folder.path)/countersign.yaml",
            ])
        #expect(result.status == 0, "\(result.output)")
        let mode = try FileManager.default.attributesOfItem(atPath: "\(folder.path)/signing/manifest.json")[
            .posixPermissions]
        #expect((mode as? NSNumber)?.intValue == 0o644)
        withExtendedLifetime(keys) {}
    }

    @Test func letsCommandsAtOnceTakeTurns() async throws {
        let (keys, folder) = try keys(algorithms: [])
        try await withThrowingTaskGroup { group in
            for _ in 0..<6 { group.addTask { try await keys.run("generate").status } }
            for try await status in group { #expect(status == 0) }
        }
        let manifest = try keys.manifest()
        #expect(manifest.keys.count == 6 && manifest.keys.count { $0.state == .active } == 1)
        withExtendedLifetime(folder) {}
    }

    /// With a lag of a second in the life of a token of a day, too.
    @Test(arguments: [
        "{ directory: signing }", "{ directory: signing, rotation: { refresh_lag: 1s, clock_skew: 0s } }",
    ])
    func rehearsesARotationAndAnEmergencyWithoutTouchingTheKeys(signing: String) async throws {
        let (keys, folder) = try keys(signing: signing, lifetime: "24h")
        let before = try keys.manifest()
        let result = try await keys.run("rehearse")
        #expect(result.status == 0)
        #expect(result.output.contains("tokens signed in the rotation, 0 refused."))
        for line in [
            "key B is published, may sign from", "replica 2  signs with key B", "key A is gone", "key B is revoked",
        ] {
            #expect(result.output.contains(line), "\(result.output)")
        }
        #expect(try keys.manifest() == before)
        withExtendedLifetime(folder) {}
    }
}
