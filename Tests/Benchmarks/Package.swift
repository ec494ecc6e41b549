// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that the outer one stays small. The code under test is compiled again here: its targets are
// symbolic links to the outer package's folders, because everything there has `package` access.

let swift: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
]
let collections = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let lifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let nio = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioHPACK = Target.Dependency.product(name: "NIOHPACK", package: "swift-nio-http2")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTP2 = Target.Dependency.product(name: "NIOHTTP2", package: "swift-nio-http2")
let nioHTTPCompression = Target.Dependency.product(name: "NIOHTTPCompression", package: "swift-nio-extras")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")

let package = Package(
    name: "countersign-benchmarks",
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-http2", from: "1.46.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    ],
    targets: [
        .systemLibrary(name: "COpenSSL"),
        .systemLibrary(name: "CLibJWT"),
        .systemLibrary(name: "CHiredis"),
        .target(name: "BlockingWork", dependencies: ["TokenExchange"], swiftSettings: swift),
        .target(name: "TokenExchange", swiftSettings: swift),
        .target(
            name: "JOSE", dependencies: ["BlockingWork", "TokenExchange", "COpenSSL", "CLibJWT"],
            swiftSettings: swift),
        .target(
            name: "Outbound",
            dependencies: [
                "BlockingWork", "TokenExchange", nio, nioHPACK, nioHTTP1, nioHTTP2, nioHTTPCompression, nioPosix,
                nioSSL, nioTLS,
            ],
            swiftSettings: swift),
        .target(
            name: "RedisSessions",
            dependencies: [
                "BlockingWork", "CHiredis", "Outbound", "TokenExchange", collections, lifecycle, logging, nio, nioPosix,
                nioSSL,
            ],
            swiftSettings: swift),
        .target(
            name: "CountersignHTTP",
            dependencies: [
                "TokenExchange", httpTypes, lifecycle, logging, metrics, nio, nioHPACK, nioHTTP2, nioPosix, nioSSL,
                nioTLS,
            ],
            exclude: ["Webview/countersign.v2.d.ts"],
            resources: [
                .embedInCode("Routes/openapi.yaml"), .embedInCode("Webview/countersign.v1.js"),
                .embedInCode("Webview/countersign.v2.js"), .embedInCode("Wire/page.css"),
                .embedInCode("Wire/drawing.css"),
            ],
            swiftSettings: swift),
        // The lowest floor of CountersignService, which needs nothing above it.
        .target(
            name: "ServiceLogging",
            dependencies: ["BlockingWork", "CountersignHTTP", "JOSE", "TokenExchange", logging], swiftSettings: swift),
        .target(
            name: "TestSupport",
            dependencies: [
                "JOSE", "TokenExchange", logging, nio, nioHPACK, nioHTTP1, nioHTTP2, nioPosix, nioSSL, nioTLS,
            ],
            swiftSettings: swift),
        .target(name: "CInstructions"),
        .executableTarget(
            name: "ExchangeBench",
            dependencies: [
                "CInstructions", "CountersignHTTP", "JOSE", "RedisSessions", "ServiceLogging", "TestSupport",
                "TokenExchange", logging, metrics, nio, nioPosix,
            ], swiftSettings: swift),
        .executableTarget(
            name: "UpstreamBench", dependencies: ["TestSupport", "TokenExchange"], swiftSettings: swift),
        .executableTarget(
            name: "RedisBench",
            dependencies: ["JOSE", "RedisSessions", "TestSupport", "TokenExchange", logging, nio, nioPosix],
            swiftSettings: swift),
    ],
    swiftLanguageModes: [.v6]
)
