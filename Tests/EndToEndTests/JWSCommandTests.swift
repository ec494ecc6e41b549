import Foundation
import JOSE
import TestSupport
import Testing
import TokenExchange

/// `countersign jws verify` as a process: input, output, exit status.
@Suite struct JWSCommandTests {
    private let folder = TemporaryFolder()

    private func verify(_ input: [UInt8], _ arguments: String...) async throws -> CountersignProcess.CommandResult {
        let set = PublicJWK.set([TestKeys.rs256.publicKey, TestKeys.es256.publicKey])
        let file = try folder.write("set.json", String(decoding: set, as: UTF8.self))
        return try await CountersignProcess.run(
            CountersignProcess.program, ["jws", "verify", "--jwks", file] + arguments, input: input)
    }

    private func signed(_ payload: String, header: String) throws -> [UInt8] {
        let input = Base64URL.encode(header) + [UInt8(ascii: ".")] + Base64URL.encode(payload)
        return try ModelToken.signed(input, by: TestKeys.es256)
    }

    private func isRefused(_ result: CountersignProcess.CommandResult, _ word: String) -> Bool {
        result.status == 1 && result.output == word + "\n"
    }

    @Test func printsThePayloadToTheByte() async throws {
        for payload in ["not JSON,\r\n and no newline at the end", "", "ends with one\n", "zoë"] {
            let result = try await verify(try signed(payload, header: #"{"alg":"ES256"}"#))
            #expect(result.status == 0 && result.output == payload)
        }
        let token = try ModelToken.fresh()
        #expect(try await verify(token + Array("\n".utf8), "--algorithm", "RS256").status == 0)
    }

    @Test func saysOneWordAndExitsWithOne() async throws {
        let good = try signed("x", header: #"{"alg":"ES256"}"#)
        #expect(isRefused(try await verify([]), "malformed"))
        #expect(isRefused(try await verify([UInt8](repeating: 0x41, count: 2 << 20)), "malformed"))
        #expect(isRefused(try await verify(try signed("x", header: #"{"alg":"ES256","crit":["x"]}"#)), "header"))
        #expect(isRefused(try await verify(try signed("x", header: #"{"alg":"none"}"#)), "algorithm"))
        #expect(isRefused(try await verify(good, "--algorithm", "RS256", "--algorithm", "PS256"), "algorithm"))
        #expect(isRefused(try await verify(try signed("x", header: #"{"alg":"ES256","kid":"x"}"#)), "key"))
        #expect(isRefused(try await verify(good.dropLast(4) + Array("AAAA".utf8)), "signature"))
        #expect(isRefused(try await verify(good, "--jwks", "\(folder.path)/nothing.json"), "jwks"))
    }

    @Test func explainsItsWordsAndItsOptions() async throws {
        let help = try await CountersignProcess.run("jws", "verify", "--help")
        for word in ["malformed:", "header:", "algorithm:", "key:", "signature:", "jwks:"] {
            #expect(help.output.contains(word))
        }
        #expect(try await CountersignProcess.run("jws", "verify").status != 0)
        #expect(try await verify([], "--algorithm", "HS256").status == 64)
    }
}
