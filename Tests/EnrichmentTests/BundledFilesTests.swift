import Foundation
import Testing

@testable import Enrichment

struct BundledFilesTests {
    @Test("a share folder, an installed program and a source tree are searched in this order")
    func order() throws {
        let folder = try GeoTestFolder()
        func make(_ path: String) throws -> String {
            let file = "\(folder.path)/\(path)"
            try FileManager.default.createDirectory(
                atPath: (file as NSString).deletingLastPathComponent,
                withIntermediateDirectories: true)
            try Data("x".utf8).write(to: URL(fileURLWithPath: file))
            return file
        }
        let program = "\(folder.path)/tree/.build/debug/lastseen"
        func found(share: String? = nil) -> String? {
            BundledFiles.locate(.cityDatabase, share: share, program: program)
        }
        let nowhere = found()
        #expect(nowhere == nil || nowhere!.hasPrefix("/usr/"))
        let source = try make("tree/Sources/Enrichment/Resources/city-lite.mmdb")
        #expect(found() == nowhere, "no Package.swift yet")
        _ = try make("tree/Package.swift")
        #expect(found() == source)
        let installed = try make("tree/.build/share/lastseen/geo/city-lite.mmdb")
        #expect(found() == installed)
        let shared = try make("share/geo/city-lite.mmdb")
        #expect(found(share: "\(folder.path)/share") == shared)
        #expect(found(share: "\(folder.path)/none") == installed)
    }

    @Test("the bundled database is found from here")
    func bundled() throws {
        let path = try #require(BundledFiles.locate(.cityDatabase))
        let database = try GeoDatabase(path: path)
        #expect(database.isCoarse && database.fileSize <= 8_000_000)
        #expect(database.info.attribution.contains("DB-IP"))
    }
}
