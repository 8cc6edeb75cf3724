import Foundation
import RuleBook
import SessionModel
import Testing

/// The checkout that the tests were compiled in.
let checkout = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent().path

/// The rules that come with the program.
struct RulesOnRecordTests {
    static let folder = checkout + "/rules"

    @Test("every rule loads")
    func load() throws {
        let book = try RuleBook.load(folder: Self.folder)
        #expect(book.rules.count == 5)
        #expect(book.rules.allSatisfy(\.isEnabled))
    }
}
