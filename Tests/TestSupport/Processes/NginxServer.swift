import Foundation

/// A real nginx of the test's own, with the configuration that we ship as an example: a load balancer in front of services.
/// Unlike the example, it tries no request a second time, so that a test sees each one that is lost.
///
/// Where nginx is not installed, starting throws.
package final class NginxServer: Sendable {
    package let port: Int
    private let folder: TemporaryFolder
    private let process: ChildProcess

    private init(port: Int, folder: TemporaryFolder, process: ChildProcess) {
        self.port = port
        self.folder = folder
        self.process = process
    }

    /// Its workers end with it if it is asked to.
    deinit {
        process.signal(SIGTERM)
        var patience = 1000
        while patience > 0, process.isRunning {
            usleep(5000)
            patience -= 1
        }
        process.kill()
    }

    /// Starts it and waits until it listens.
    /// - Parameter ports: of the services, on 127.0.0.1.
    package static func start(inFrontOf ports: [Int]) async throws -> NginxServer {
        var failure: any Error = ProgramFailure(description: "never tried")
        // Between finding a free port and binding it, another process may take it.
        for _ in 0..<5 {
            do {
                let server = try launch(port: try freeLoopbackPort(), inFrontOf: ports)
                try await server.waitUntilItServes(ports)
                return server
            } catch { failure = error }
        }
        throw failure
    }

    /// Sends requests to these from now on; what is under way stays where it is.
    package func replace(with ports: [Int]) async throws {
        try folder.write("countersign.conf", Self.example(port: port, inFrontOf: ports))
        process.signal(SIGHUP)
        try await waitUntilItServes(ports)
    }

    package func connect(from lastByte: UInt8 = 1) throws -> HTTPConnection {
        try HTTPConnection(port: port, from: lastByte)
    }

    /// What it has complained of.
    package var log: String { (try? String(contentsOfFile: "\(folder.path)/log", encoding: .utf8)) ?? "" }

    private func waitUntilItServes(_ ports: [Int]) async throws {
        try await eventually("nginx serves \(ports)", within: .seconds(15)) {
            guard process.isRunning else { throw ProgramFailure(description: log) }
            return (try? HTTPConnection(port: port).request("GET", "/nginx").text) == "\(ports)"
        }
    }

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
            worker_processes 1;
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

    /// The example, with our ports, without TLS, and with a path that tells which services it has.
    private static func example(port: Int, inFrontOf ports: [Int]) throws -> String {
        var text = try String(
            contentsOfFile: "\(CountersignProcess.repository)/config/nginx.example.conf", encoding: .utf8)
        let changes = [
            ("server 10.0.2.11:8080;", ports.map { "server 127.0.0.1:\($0) max_fails=0;" }.joined(separator: " ")),
            ("server 10.0.2.12:8080;", ""), ("listen 443 ssl;", "listen 127.0.0.1:\(port);"),
            ("ssl_certificate     /etc/nginx/tls/chain.pem;", ""), ("ssl_certificate_key /etc/nginx/tls/key.pem;", ""),
            ("location / {", "location = /nginx { return 200 \"\(ports)\"; }\n    location / {"),
            ("proxy_next_upstream error timeout non_idempotent;", "proxy_next_upstream off;"),
        ]
        for (old, new) in changes {
            guard text.contains(old) else { throw ProgramFailure(description: "no \(old) in nginx.example.conf") }
            text = text.replacing(old, with: new)
        }
        return text
    }
}
