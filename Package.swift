// swift-tools-version: 6.2
import PackageDescription

let package = Package(
    name: "lastseen",
    products: [
        .executable(name: "lastseen", targets: ["lastseen"]),
        // A program of its own, so that what reads hostile input has no HTTP server in it.
        .executable(name: "lastseen-server", targets: ["lastseen-server"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/swift-mustache", from: "2.1.1"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        // C and C++ libraries of the system, each behind a folder of its own.
        .target(name: "CSimdJSON", linkerSettings: [.linkedLibrary("simdjson")]),
        .target(name: "CRE2", linkerSettings: [.linkedLibrary("re2")]),
        .target(
            name: "CCurl",
            linkerSettings: [.linkedLibrary("curl"), .linkedLibrary("crypto")]),
        // libhiredis and libpq are loaded when a connector first needs them, not linked.
        .target(name: "CHiredis", linkerSettings: [.linkedLibrary("curl")]),
        .target(name: "CPostgres"),
        .systemLibrary(
            name: "CMaxMindDB", pkgConfig: "libmaxminddb",
            providers: [.apt(["libmaxminddb-dev"])]),
        .target(name: "CSystem"),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),

        .target(name: "SessionModel"),
        .target(
            name: "Intake",
            dependencies: [
                "SessionModel", "CSimdJSON", "CRE2", "CZlib", "CZstd",
                .product(name: "Yams", package: "Yams"),
            ],
            resources: []),
        .target(
            name: "Enrichment",
            dependencies: [
                "SessionModel", "CMaxMindDB", "CRE2", "CSystem",
                .product(name: "Yams", package: "Yams"),
            ],
            exclude: ["Resources"]),
        .target(name: "Detection", dependencies: ["SessionModel", "CSystem", "CRE2"]),
        .target(name: "Settings", dependencies: [.product(name: "Yams", package: "Yams")]),
        .target(
            name: "RuleBook",
            dependencies: [
                "SessionModel", "Settings", "Detection", .product(name: "Yams", package: "Yams"),
            ]),
        .target(
            name: "StateStore",
            dependencies: [
                "SessionModel",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]),
        .target(
            name: "Response",
            dependencies: [
                "SessionModel", "Settings", "StateStore", "CCurl", "CHiredis", "CPostgres",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
                .product(name: "Yams", package: "Yams"),
            ]),
        .target(name: "Publishing", dependencies: ["SessionModel"], exclude: ["Schemas"]),
        .target(
            name: "Messaging",
            dependencies: [
                "SessionModel", "Settings", "StateStore", "Response", "Publishing", "CCurl",
                .product(name: "Mustache", package: "swift-mustache"),
                .product(name: "Yams", package: "Yams"),
            ],
            exclude: ["Resources"]),
        .target(name: "Evaluation", dependencies: ["SessionModel", "Enrichment", "Publishing"]),
        .target(
            name: "Pipeline",
            dependencies: [
                "SessionModel", "Intake", "Enrichment", "Detection", "RuleBook", "StateStore",
                "Response", "Messaging", "Publishing", "CSystem", "CZstd",
            ]),
        .target(
            name: "LastseenCommands",
            dependencies: [
                "SessionModel", "Settings", "Intake", "Enrichment", "Detection", "RuleBook",
                "StateStore",
                "Pipeline", "Response", "Messaging", "Publishing", "Evaluation",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .target(name: "CMicroHTTPD", linkerSettings: [.linkedLibrary("microhttpd")]),
        .target(
            name: "Server",
            dependencies: [
                "SessionModel", "Settings", "Enrichment", "Response", "Messaging", "CMicroHTTPD",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ]),
        .executableTarget(name: "lastseen-server", dependencies: ["Server"]),
        .executableTarget(name: "lastseen", dependencies: ["LastseenCommands"]),
    ],
    cxxLanguageStandard: .cxx17
)

/// What tests of a module use beside it.
let wholePipeline = ["Intake", "Enrichment", "Detection", "RuleBook", "StateStore", "Publishing"]
let usedByTests: [String: [String]] = [
    "Pipeline": wholePipeline,
    "LastseenCommands": wholePipeline,
    "Response": ["StateStore", "Settings"],
    "Messaging": ["StateStore", "Settings", "Response", "Publishing"],
    "RuleBook": ["Settings"],
    "Server": ["Response", "Messaging", "StateStore"],
    "Evaluation": ["Enrichment", "Intake"],
]

let excludedFromTests: [String: [String]] = [
    "Enrichment": ["Fixtures"], "Messaging": ["Golden", "smtp_server.py"],
]

/// Every library target has the tests that mirror it.
for name in [
    "SessionModel", "Settings", "Intake", "Enrichment", "Detection", "RuleBook", "StateStore",
    "Response", "Messaging", "Publishing", "Evaluation", "Pipeline", "LastseenCommands",
    "Server",
] {
    var used = usedByTests[name] ?? []
    if name != "SessionModel" { used += [name, "SessionModel"] } else { used.append(name) }
    package.targets.append(
        .testTarget(
            name: "\(name)Tests",
            dependencies: used.map { .target(name: $0) }
                + (name == "Response" ? [.product(name: "GRDB", package: "GRDB.swift")] : []),
            exclude: excludedFromTests[name] ?? []))
}

/// These read bytes in place or keep their own memory, which strict memory safety would mark on
/// nearly every line; the others are held to it.
let rawMemory: Set = [
    "SessionModel", "Intake", "Enrichment", "Detection", "StateStore", "Pipeline",
]
let features = ["ExistentialAny", "InternalImportsByDefault", "MemberImportVisibility"]
for target in package.targets where ![.system, .binary, .plugin].contains(target.type) {
    target.swiftSettings = features.map { .enableUpcomingFeature($0) }
    // Each access to a class's property would be counted while the program runs; the tests, which are
    // debug builds, still do.
    target.swiftSettings?.append(
        .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)))
    if !rawMemory.contains(target.name) && target.type == .regular && !target.name.hasPrefix("C") {
        target.swiftSettings?.append(.strictMemorySafety())
    }
}
