import Foundation
import TestSupport
import Testing

/// Cases that run in a browser; they are in Python, for Playwright.
enum BrowserCases {
    /// Runs a module of cases in a browser: each of them comes out, and none fails.
    static func drive(_ module: String, atLeast least: Int, _ scene: Data) async throws {
        let result = try await CountersignProcess.run(
            CountersignProcess.python, ["\(WebviewScene.tests)/drive.py", module], input: Array(scene),
            within: .seconds(150))
        #expect(result.status == 0, "\(result.output)")
        let lines = result.output.split(separator: "\n").compactMap {
            (try? JSONSerialization.jsonObject(with: Data($0.utf8))) as? [String: Any]
        }
        let cases = try String(contentsOfFile: "\(WebviewScene.tests)/\(module).py", encoding: .utf8)
        #expect(lines.count == cases.components(separatedBy: "\n@case\n").count - 1 && lines.count >= least)
        for line in lines {
            let failure = line["failure"] as? String
            #expect(failure == nil, "\(line["case"] ?? ""): \(failure ?? "")")
        }
    }
}
