import Foundation

/// A real nginx of the test's own, with the configuration that we ship as an example: a load balancer in front of services.
///
/// It dies with the process of the tests. Where nginx is not installed, starting throws.
package final class NginxServer: Sendable {
    package let port: Int
    private let folder: TemporaryFolder
    private let process: ChildProcess

    private init(port: Int, folder: TemporaryFolder, process: ChildProcess) {
        self.port = port
        self.folder = folder
        self.process = process
    }

    deinit { process.kill() }

    /// Starts it and waits until it listens.
    /// - Parameter ports: of the services, on 127.0.0.1.
    package static func start(inFrontOf ports: [Int]) async throws -> NginxServer {
        var failure: any Error = ProgramFailure(description: "never tried")
        // Between finding a free port and binding it, another process may take it.
        for _ in 0..<5 {
            do {
                let server = try launch(port: try freeLoopbackPort(), inFrontOf: ports)
                try await eventually("nginx listens", within: .seconds(15)) {
                    guard server.process.isRunning else { throw ProgramFailure(description: server.log) }
                    return (try? LoopbackSocket().connect(port: server.port)) != nil
                }
                return server
            } catch { failure = error }
        }
        throw failure
    }

    package func connect(from lastByte: UInt8 = 1) throws -> HTTPConnection {
        try HTTPConnection(port: port, from: lastByte)
    }

    /// What it has complained of.
    package var log: String { (try? String(contentsOfFile: "\(folder.path)/log", encoding: .utf8)) ?? "" }

    private static func launch(port: Int, inFrontOf ports: [Int]) throws -> NginxServer {
        let folder = TemporaryFolder()
        try folder.write("countersign.conf", example(port: port, inFrontOf: ports))
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map {
            "\($0)_temp_path \(folder.path)/\($0);"
        }
        try folder.write(
            "nginx.conf",
            """
            daemon off;
            master_process off;
            pid \(folder.path)/pid;
            error_log stderr warn;
            events { worker_connections 2000; }
            http {
                access_log off;
                \(temporary.joined(separator: "\n    "))
                include \(folder.path)/countersign.conf;
            }
            """)
        let process = try ChildProcess.start(
            "/usr/sbin/nginx", ["-c", "\(folder.path)/nginx.conf", "-e", "stderr"], output: "\(folder.path)/log")
        return NginxServer(port: port, folder: folder, process: process)
    }

    /// The example, with our ports and without TLS.
    private static func example(port: Int, inFrontOf ports: [Int]) throws -> String {
        var text = try String(
            contentsOfFile: "\(CountersignProcess.repository)/config/nginx.example.conf", encoding: .utf8)
        let changes = [
            ("server 10.0.2.11:8080;", ports.map { "server 127.0.0.1:\($0);" }.joined(separator: " ")),
            ("server 10.0.2.12:8080;", ""), ("listen 443 ssl;", "listen 127.0.0.1:\(port);"),
            ("ssl_certificate     /etc/nginx/tls/chain.pem;", ""), ("ssl_certificate_key /etc/nginx/tls/key.pem;", ""),
        ]
        for (old, new) in changes {
            guard text.contains(old) else { throw ProgramFailure(description: "no \(old) in nginx.example.conf") }
            text = text.replacing(old, with: new)
        }
        return text
    }
}
