import FoundationEssentials
import Glibc
import JOSE
import Testing
import TokenExchange

@Suite("Signing key directory")
struct SigningKeyDirectoryTests {
    private let now = UnixTime(seconds: 2_000_000_000)

    private func problem(_ path: String) throws -> KeyFileError.Problem? {
        do throws(KeyFileError) {
            _ = try SigningKeyDirectory(path: path).load(at: now)
            return nil
        } catch {
            return error.problem
        }
    }

    private func write(_ pem: String, to path: String, mode: Int = 0o600) throws {
        #expect(FileManager.default.createFile(atPath: path, contents: Data(pem.utf8)))
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
    }

    private func withDirectory<Result>(_ body: (String, SigningKeyDirectory) throws -> Result) throws -> Result {
        try withTemporaryDirectory { path in
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            return try body(path, SigningKeyDirectory(path: path))
        }
    }

    private let somebody = Base64URL.text([UInt8](repeating: 7, count: 32))

    // MARK: - What works

    @Test(arguments: SignatureAlgorithm.minting)
    func loadsWhatItGenerated(_ algorithm: SignatureAlgorithm) throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path + "/keys/signing")
            let entry = try directory.generate(algorithm: algorithm, at: now)
            #expect(entry.fileName == "\(algorithm.rawValue)-\(entry.keyID).pem")
            let keys = try directory.load(at: now)
            #expect(keys.manifest.keys == [entry])
            let ring = keys.ring(keys.manifest.plan(at: now))
            let signer = try #require(ring.signer(for: algorithm))
            let verifier = try #require(ring.verifier(keyID: entry.keyID))
            let message = "a.b".bytes
            #expect(signer.keyID == entry.keyID)
            #expect(verifier.isValid(try signer.signature(over: message), over: message))
        }
    }

    @Test func publishesEveryKeyOfTheRing() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            for algorithm in SignatureAlgorithm.minting { _ = try directory.generate(algorithm: algorithm, at: now) }
            let keys = try directory.load(at: now)
            #expect(keys.manifest.keys.count == SignatureAlgorithm.minting.count)
            let ring = keys.ring(keys.manifest.plan(at: now))
            let all = Set(SignatureAlgorithm.allCases)
            let set = try JWKSetReader().read(ring.publishedKeySet, allowing: all)
            #expect(set.skipped.isEmpty)
            #expect(set.verifiers.map(\.keyID) == keys.manifest.keys.map(\.keyID))
            #expect(set.verifiers.map(\.algorithm) == keys.manifest.keys.map(\.algorithm))
        }
    }

    /// In nanoseconds these do not fit into 64 bits: the last year that does is 2262.
    @Test(arguments: [15_032_385_535.0, -2_147_483_648.0])
    func acceptsAFileOfAnyTime(seconds: Double) throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            let entry = try directory.generate(algorithm: .es256, at: now)
            try FileManager.default.removeItem(atPath: path + "/manifest.json")
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSince1970: seconds)], ofItemAtPath: "\(path)/\(entry.fileName)")
            #expect(try directory.load(at: now).manifest.active(.es256)?.keyID == entry.keyID)
        }
    }

    @Test func keepsPrivateKeysFromOthers() throws {
        try withTemporaryDirectory { path in
            let entry = try SigningKeyDirectory(path: path).generate(algorithm: .es256, at: now)
            #expect(try permissions(path) == 0o700)
            #expect(try permissions("\(path)/\(entry.fileName)") == 0o600)
            #expect(
                try FileManager.default.contentsOfDirectory(atPath: path).sorted()
                    == [".lock", entry.fileName, "manifest.json"])
            #expect(try permissions("\(path)/.lock") == 0o600)
            #expect(try permissions(path + "/manifest.json") == 0o644)
        }
    }

    /// A service may read by its group, or as the owner if a superuser made the key.
    @Test func givesANewKeyTheReadersOfTheActiveOne() throws {
        try withTemporaryDirectory { path in
            let directory = SigningKeyDirectory(path: path)
            let first = "\(path)/\(try directory.generate(algorithm: .es256, at: now).fileName)"
            let files = FileManager.default
            try files.setAttributes([.posixPermissions: 0o660], ofItemAtPath: first)
            // Only a superuser may give a file to another owner.
            try? files.setAttributes([.ownerAccountID: 4711, .groupOwnerAccountID: 4712], ofItemAtPath: first)
            let second = "\(path)/\(try directory.generate(algorithm: .rs256, at: now).fileName)"
            #expect(try permissions(second) == 0o640)
            let (old, new) = (try files.attributesOfItem(atPath: first), try files.attributesOfItem(atPath: second))
            for key in [FileAttributeKey.ownerAccountID, .groupOwnerAccountID] {
                #expect(try "\(#require(old[key]))" == "\(#require(new[key]))")
            }
            #expect("\(KeyFileError(path: first, problem: Self.denied))".contains("chmod 640"))
        }
    }

    @Test(arguments: [(EROFS, "ReadWritePaths="), (ENOSPC, "make room"), (EIO, "Input/output error")])
    func saysWhatToDoIfTheSystemRefuses(_ code: CInt, _ remedy: String) {
        let problem = KeyFileError.Problem.unreadable(
            operation: "open the lock", cause: String(cString: strerror(code)))
        #expect("\(KeyFileError(path: "/keys/.lock", problem: problem))".contains(remedy))
    }

    /// Otherwise the service could neither read its first key nor lock the directory.
    @Test(.enabled(if: geteuid() == 0, "only a superuser can"))
    func leavesWhatRootMakesToTheOwnerOfTheDirectory() throws {
        try withTemporaryDirectory { path in
            let files = FileManager.default
            try files.createDirectory(atPath: path, withIntermediateDirectories: true)
            try files.setAttributes([.ownerAccountID: 4711, .groupOwnerAccountID: 4712], ofItemAtPath: path)
            let key = try SigningKeyDirectory(path: path).generate(algorithm: .es256, at: now).fileName
            for file in [key, ".lock", "manifest.json"] {
                let attributes = try files.attributesOfItem(atPath: "\(path)/\(file)")
                #expect(try "\(#require(attributes[.ownerAccountID]))" == "4711", "\(file)")
                #expect(try "\(#require(attributes[.groupOwnerAccountID]))" == "4712", "\(file)")
            }
            #expect(try permissions("\(path)/\(key)") == 0o600)
        }
    }

    private static let denied = KeyFileError.Problem.unreadable(
        operation: "open the file", cause: "Permission denied")

    @Test func ignoresFilesThatAreNotPEM() throws {
        try withDirectory { path, directory in
            try write("notes", to: path + "/README.md", mode: 0o644)
            #expect(try directory.load(at: now).manifest.keys.isEmpty)
        }
    }

    // MARK: - What is refused

    @Test func refusesMissingDirectory() throws {
        #expect(try withTemporaryDirectory(problem) == .missingDirectory)
    }

    @Test func refusesAlgorithmThatIsOnlyVerified() throws {
        try withTemporaryDirectory { path in
            _ = #expect(throws: KeyFileError(path: path, problem: .notForMinting(.es512))) {
                try SigningKeyDirectory(path: path).generate(algorithm: .es512, at: now)
            }
        }
    }

    @Test func refusesTwoKeysOfOneAlgorithm() throws {
        try withTemporaryDirectory { path in
            let entry = try SigningKeyDirectory(path: path).generate(algorithm: .es256, at: now)
            try FileManager.default.removeItem(atPath: path + "/manifest.json")
            let other = "ES256-\(somebody).pem"
            try write(PEM.p256WithParameters, to: "\(path)/\(other)")
            let names = [entry.fileName, other].sorted()
            #expect(try problem(path) == .severalKeys(.es256, fileNames: names))
        }
    }

    @Test(arguments: [0o604, 0o644, 0o602, 0o601, 0o777])
    func refusesWorldAccessibleKey(_ mode: Int) throws {
        try withTemporaryDirectory { path in
            let entry = try SigningKeyDirectory(path: path).generate(algorithm: .es256, at: now)
            let file = "\(path)/\(entry.fileName)"
            try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
            #expect(try problem(path) == .worldAccessible(mode: UInt32(mode)))
            #expect(
                "\(KeyFileError(path: file, problem: .worldAccessible(mode: UInt32(mode))))".hasPrefix(
                    "\(file): expected"))
        }
    }

    @Test func acceptsKeyThatItsGroupMayRead() throws {
        try withTemporaryDirectory { path in
            let entry = try SigningKeyDirectory(path: path).generate(algorithm: .es256, at: now)
            try FileManager.default.setAttributes(
                [.posixPermissions: 0o440], ofItemAtPath: "\(path)/\(entry.fileName)")
            #expect(try problem(path) == nil)
        }
    }

    @Test(arguments: [
        "key.pem", "ES256.pem", "ES256-.pem", "ES256-short.pem",
        "es256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.pem",
        "ES512-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA.pem", ".pem",
    ])
    func refusesPEMFileOfUnknownName(_ name: String) throws {
        try withDirectory { path, _ in
            try write(PEM.p521, to: "\(path)/\(name)")
            #expect(try problem(path) == .unknownName)
        }
    }

    static let refusedContents: [(String, SignatureAlgorithm, KeyPEMError)] = [
        ("", .es256, .empty),
        ("hello", .es256, .notPEM),
        (PEM.rsaPublic, .rs256, .publicKeyWherePrivateExpected),
        (PEM.encrypted, .es256, .encrypted),
        (PEM.encryptedTraditional, .rs256, .encrypted),
        (PEM.p521, .es256, .wrongKeyType(expected: .ec(.p256), found: .ec(.p521))),
        (PEM.p521, .edDSA, .wrongKeyType(expected: .ed25519, found: .ec(.p521))),
        (PEM.rsa1024, .rs256, .weak(.rsaModulus(bits: 1024))),
        (PEM.p256WithForeignPublicHalf, .es256, .halvesDoNotMatch),
    ]

    @Test(arguments: refusedContents)
    func refusesContent(_ pem: String, _ algorithm: SignatureAlgorithm, _ expected: KeyPEMError) throws {
        try withDirectory { path, _ in
            try write(pem, to: "\(path)/\(algorithm.rawValue)-\(somebody).pem")
            #expect(try problem(path) == .key(expected))
        }
    }

    @Test func refusesKeyUnderTheNameOfAnother() throws {
        try withDirectory { path, _ in
            try write(PEM.rsaTraditional, to: "\(path)/RS256-\(somebody).pem")
            #expect(try problem(path) == .nameIsNotThumbprint(found: try TestKeys.signer(.rs256).keyID))
        }
    }

    @Test func refusesWhatIsNotARegularFile() throws {
        try withDirectory { path, _ in
            try FileManager.default.createDirectory(
                atPath: "\(path)/ES256-\(somebody).pem", withIntermediateDirectories: false)
            #expect(try problem(path) == .noRegularFile)
        }
    }

    @Test func refusesHugeFile() throws {
        try withDirectory { path, _ in
            try write(String(repeating: "x", count: 64 * 1024 + 1), to: "\(path)/ES256-\(somebody).pem")
            #expect(try problem(path) == .tooLarge(limit: 64 * 1024))
        }
    }

    @Test func namesUnreadableFileAndCause() throws {
        try withDirectory { path, _ in
            let file = "\(path)/ES256-\(somebody).pem"
            try FileManager.default.createSymbolicLink(atPath: file, withDestinationPath: "nowhere")
            #expect(
                try problem(path) == .unreadable(operation: "open the file", cause: "No such file or directory"))
        }
    }

    @Test func loadsKeyOutsideTheRingFromItsFile() throws {
        try withDirectory { path, _ in
            try write(PEM.rsaTraditional, to: path + "/development")
            for algorithm in SignatureAlgorithm.allCases where algorithm.keyType == .rsa {
                let signer = try OpenSSLTokenSigner(
                    privateKeyFile: path + "/development", algorithm: algorithm, keyID: "dev")
                #expect(signer.keyID == "dev")
            }
        }
    }

    private func permissions(_ path: String) throws -> UInt32 {
        try #require(try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? UInt32)
    }
}
