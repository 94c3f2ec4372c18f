// Users out of files as identity tools and spreadsheets write them. The samples have the shape that
// each tool documents, byte for byte.
#include <gmock/gmock.h>

#include <fstream>

#include "cli/import/row_reader.h"
#include "tests/support/temp_dir.h"

namespace mesh::cli {
namespace {

using namespace std::string_literals;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

const std::string kMark = "\xef\xbb\xbf";

// ASCII only.
std::string utf16(const std::string& text, bool little) {
  std::string wide = little ? "\xff\xfe"s : "\xfe\xff"s;
  for (const char c : text) wide += little ? std::string{c, '\0'} : std::string{'\0', c};
  return wide;
}

class Rows : public ::testing::Test {
 protected:
  // "line:email/name" or "line!reason" per row.
  std::vector<std::string> rows(const std::string& text, const RowOptions& options = {},
                                const std::string& encoding = {}) {
    std::ofstream(dir_.file("f"), std::ios::binary) << text;
    std::vector<std::string> seen;
    auto lines = LineReader::open(dir_.file("f"), encoding);
    if (!lines) return {"stopped: " + lines.error().message};
    auto source = make_row_reader(*lines, options);
    if (!source) return {"stopped: " + source.error().message};
    while (true) {
      auto row = (*source)->next();
      if (!row) seen.push_back("stopped: " + row.error().message);
      if (!row || !*row) break;
      const auto* user = std::get_if<NewUser>(&(*row)->content);
      seen.push_back(std::to_string((*row)->line) +
                     (user != nullptr ? ":" + user->email + "/" + user->name
                                      : "!" + std::get<BrokenRow>((*row)->content).reason));
    }
    recognized_ = (*source)->recognized();
    return seen;
  }
  test::TempDir dir_;
  std::string recognized_;
};

// --- exports

TEST_F(Rows, OktaCsv) {
  EXPECT_THAT(rows("login,firstName,lastName,middleName,email,displayName,status\r\n"
                   "alice@acme.dev,Alice,Adams,,alice@acme.dev,,ACTIVE\r\n"
                   "bob@acme.dev,Bob,Brown,,bob.b@acme.dev,Bobby Brown,STAGED\r\n"),
              ElementsAre("2:alice@acme.dev/Alice Adams", "3:bob.b@acme.dev/Bobby Brown"));
}

TEST_F(Rows, OktaApi) {
  EXPECT_THAT(rows(R"([
  {
    "id": "00ub0oNGTSWTBKOLGLNR",
    "status": "ACTIVE",
    "profile": {
      "firstName": "Isaac",
      "lastName": "Brock",
      "email": "isaac.brock@example.com",
      "login": "isaac.brock@example.com",
      "mobilePhone": null
    },
    "credentials": {"provider": {"type": "OKTA", "name": "OKTA"}}
  }
])"),
              ElementsAre("2:isaac.brock@example.com/Isaac Brock"));
}

TEST_F(Rows, Auth0ExportsLines) {
  EXPECT_THAT(
      rows("{\"user_id\":\"auth0|1\",\"email\":\"a@acme.dev\",\"name\":\"Alice\","
           "\"nickname\":\"al\"}\n{\"user_id\":\"auth0|2\",\"email\":\"b@acme.dev\",\"name\":"
           "\"Bob\"}\n"),
      ElementsAre("1:a@acme.dev/Alice", "2:b@acme.dev/Bob"));
}

TEST_F(Rows, EntraDownloadsUtf8WithAMark) {
  EXPECT_THAT(
      rows(kMark + "userPrincipalName,displayName,surname,mail,givenName,objectId,userType\n"
                   "alice@acme.onmicrosoft.com,Alice Adams,Adams,alice@acme.dev,Alice,"
                   "0f1,Member\n"),
      ElementsAre("2:alice@acme.dev/Alice Adams"));
}

TEST_F(Rows, GoogleWorkspaceMarksWhatIsRequired) {
  EXPECT_THAT(rows("First Name [Required],Last Name [Required],Email Address [Required],Status "
                   "[READ ONLY]\nAlice,Adams,alice@acme.dev,Active\n"),
              ElementsAre("2:alice@acme.dev/Alice Adams"));
}

TEST_F(Rows, GoogleAdminSdk) {
  EXPECT_THAT(rows(R"({"primaryEmail":"liz@example.com","name":{"givenName":"Liz",)"
                   R"("familyName":"Smith","fullName":"Liz Smith"},"isAdmin":false})"),
              ElementsAre("1:liz@example.com/Liz Smith"));
}

TEST_F(Rows, KeycloakExportsAnArray) {
  EXPECT_THAT(rows(R"([ {
  "id" : "c1",
  "username" : "alice",
  "firstName" : "Alice",
  "lastName" : "Adams",
  "email" : "alice@acme.dev",
  "emailVerified" : true,
  "attributes" : { "locale" : [ "de" ] }
}, {
  "id" : "c2",
  "username" : "bob",
  "email" : "bob@acme.dev",
  "firstName" : "Bob",
  "lastName" : ""
} ])"),
              ElementsAre("1:alice@acme.dev/Alice Adams", "9:bob@acme.dev/Bob"));
}

TEST_F(Rows, ScimListsAddresses) {
  EXPECT_THAT(rows(R"({"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],)"
                   R"("userName":"bjensen","name":{"formatted":"Barbara Jensen"},)"
                   R"("emails":[{"value":"bjensen@example.com","primary":true}]})"),
              ElementsAre("1:bjensen@example.com/Barbara Jensen"));
}

TEST_F(Rows, LdapByCsvde) {
  EXPECT_THAT(rows("DN,objectClass,cn,sn,givenName,mail\r\n\"CN=Alice Adams,OU=Staff,DC=acme,DC="
                   "dev\",user,Alice Adams,Adams,Alice,alice@acme.dev\r\n"),
              ElementsAre("2:alice@acme.dev/Alice Adams"));
  EXPECT_THAT(rows("dn: uid=alice,dc=acme,dc=dev\nmail: alice@acme.dev\n"),
              ElementsAre(HasSubstr("It looks like LDIF")));
}

TEST_F(Rows, HubSpotAndSalesforce) {
  EXPECT_THAT(rows("\"Record ID\",\"First Name\",\"Last Name\",\"Email\",\"Phone\"\n"
                   "\"101\",\"Alice\",\"Adams\",\"alice@acme.dev\",\"\"\n"),
              ElementsAre("2:alice@acme.dev/Alice Adams"));
  EXPECT_THAT(rows(kMark + "\"ID\",\"USERNAME\",\"LASTNAME\",\"FIRSTNAME\",\"NAME\",\"EMAIL\"\r\n"
                           "\"005x\",\"alice@acme.dev.prod\",\"Adams\",\"Alice\",\"Alice Adams\","
                           "\"alice@acme.dev\"\r\n"),
              ElementsAre("2:alice@acme.dev/Alice Adams"));
}

TEST_F(Rows, ExcelInGerman) {
  const std::string text =
      "Vorname;Nachname;E-Mail-Adresse\r\nJ\xf6rg;M\xfcller;j.m@acme.dev\r\n;;\r\n";
  EXPECT_THAT(rows(text, {}, "windows-1252"), ElementsAre("2:j.m@acme.dev/Jörg Müller"));
  EXPECT_EQ(recognized_,
            "CSV in windows-1252, separator \";\", e-mail address from \"E-Mail-Adresse\", name "
            "from \"Vorname\", \"Nachname\"");
  EXPECT_THAT(rows(text), ElementsAre("2!column 2: the byte 0xF6 is not UTF-8; Excel writes "
                                      "windows-1252: try --encoding windows-1252"));
  EXPECT_THAT(rows(kMark + "sep=;\r\nVorname;Name;E-Mail\r\nJörg;Müller;j.m@acme.dev\r\n"),
              ElementsAre("3:j.m@acme.dev/Jörg Müller"));
}

TEST_F(Rows, ExcelInFrench) {
  EXPECT_THAT(
      rows("Pr\xe9nom;Nom;Adresse e-mail\r\nZo\xe9;L\xe9vy;zoe@acme.dev\r\n", {}, "windows-1252"),
      ElementsAre("2:zoe@acme.dev/Zoé Lévy"));
  EXPECT_THAT(rows("Nom;Courriel\nZoé Lévy;zoe@acme.dev\n"),
              ElementsAre("2:zoe@acme.dev/Zoé Lévy"));
}

TEST_F(Rows, ExcelsUnicodeText) {
  const std::string text = "Name\tE-mail\r\nAlice\talice@acme.dev\r\n";
  for (const bool little : {true, false}) {
    EXPECT_THAT(rows(utf16(text, little)), ElementsAre("2:alice@acme.dev/Alice"));
    EXPECT_THAT(recognized_, HasSubstr("separator tab"));
  }
  EXPECT_THAT(rows(utf16(text, true).substr(2)),
              ElementsAre(HasSubstr("UTF-16 without a byte order mark: give --encoding utf-16le")));
  EXPECT_THAT(rows(utf16(text, true).substr(2), {}, "utf-16le"),
              ElementsAre("2:alice@acme.dev/Alice"));
}

// --- what is no text

TEST_F(Rows, CompressedFilesAndSpreadsheetsAreNamed) {
  EXPECT_THAT(rows("\x1f\x8b\x08\x00rest"s), ElementsAre(HasSubstr("compressed by gzip")));
  EXPECT_THAT(rows("\x28\xb5\x2f\xfdrest"s), ElementsAre(HasSubstr("zstdcat")));
  EXPECT_THAT(rows("PK\x03\x04rest"), ElementsAre(HasSubstr(".xlsx")));
  EXPECT_THAT(rows("\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"), ElementsAre(HasSubstr(".xls)")));
  EXPECT_THAT(rows("PAR1\x15\x04"), ElementsAre(HasSubstr("Parquet")));
  EXPECT_THAT(rows("%PDF-1.7\n"), ElementsAre(HasSubstr("PDF")));
}

// --- CSV

TEST_F(Rows, ColumnsAreFoundByNameInAnyOrder) {
  EXPECT_THAT(rows("Name,team,EMAIL\nAlice,x,a@b.c\n\"Bob, B\",y,b@b.c\n"),
              ElementsAre("2:a@b.c/Alice", "3:b@b.c/Bob, B"));
}

TEST_F(Rows, ColumnsMayBeNamed) {
  RowOptions options;
  options.columns = {"Mailbox", {"Given", "Family"}};
  EXPECT_THAT(rows("Family,Given,Email,Mailbox\nAdams,Alice,no,a@b.c\n", options),
              ElementsAre("2:a@b.c/Alice Adams"));
  options.columns = {"Postfach", {}};
  EXPECT_THAT(rows("Name,Email\nA,a@b.c\n", options),
              ElementsAre(HasSubstr("has the columns \"Name\", \"Email\" (separator \",\", UTF-8): "
                                    "there is no \"Postfach\"")));
}

TEST_F(Rows, TwoColumnsOfOneNameStop) {
  EXPECT_THAT(rows("email,name,E-Mail\na@b.c,A,b@b.c\n"),
              ElementsAre(HasSubstr("\"E-Mail\" is there twice, as columns 1 and 3")));
  EXPECT_THAT(rows("email,name,phone,phone\na@b.c,A,1,2\n"), ElementsAre("2:a@b.c/A"))
      << "no matter, where nobody reads them";
  RowOptions options;
  options.columns = {"E-Mail", {}};
  EXPECT_THAT(rows("email,name,E-Mail\na@b.c,A,b@b.c\n", options), ElementsAre("2:b@b.c/A"))
      << "named exactly";
}

TEST_F(Rows, TheSeparatorIsTheMostFrequentOneOutsideOfQuotes) {
  EXPECT_THAT(rows("\"a,b,c\";name;email\nx;A;a@b.c\n"), ElementsAre("2:a@b.c/A"));
  EXPECT_THAT(rows("name|email\nA|a@b.c\n"), ElementsAre("2:a@b.c/A"));
  EXPECT_THAT(rows("name,x:email\nA,1:a@b.c\n",
                   {.format = {}, .delimiter = ':', .columns = {}, .paths = {}}),
              ElementsAre(HasSubstr("none of them is known as the name")));
}

TEST_F(Rows, RowsOfNothingAndACtrlZAreNothing) {
  EXPECT_THAT(rows("email,name,x\n,,\n\"\",\" \",\na@b.c,A,\n,,\n\x1a"), ElementsAre("4:a@b.c/A"));
  EXPECT_THAT(rows("{\"email\":\"a@b.c\",\"name\":\"A\"}\n\x1a"), ElementsAre("1:a@b.c/A"));
}

TEST_F(Rows, AMarkBeforeAQuotedHeaderIsNoPartOfIt) {
  EXPECT_THAT(rows(kMark + "\"email\",\"name\"\na@b.c,A\n"), ElementsAre("2:a@b.c/A"));
}

TEST_F(Rows, QuotedFieldsMayHoldQuotesAndLineEnds) {
  EXPECT_THAT(rows("email,name\na@b.c,\"Al\n\"\"ice\"\"\"\nb@b.c,Bob\n"),
              ElementsAre("2:a@b.c/Al\n\"ice\"", "4:b@b.c/Bob"));
  EXPECT_THAT(rows("email,name\na@b.c,\"Al\rice\"\nb@b.c,\"B\r\nob\"\n"),
              ElementsAre("2:a@b.c/Al\rice", "4:b@b.c/B\r\nob"));
}

TEST_F(Rows, ABrokenRowCostsOnlyItself) {
  const auto seen = rows(
      "email,name\n"
      "a@b.c\n"
      "b@b.c,x,y\n"
      ",Nobody\n"
      "c\"c@b.c,Quote\n"
      "d@b.c,\xff\n"
      "e@b.c,Eve");
  EXPECT_THAT(seen, ElementsAre("2!1 fields where the header has 2 (separator \",\")",
                                "3!3 fields where the header has 2 (separator \",\")",
                                "4!the e-mail address is empty", StartsWith("5!a quote"),
                                StartsWith("6!column 7: the byte 0xFF"), "7:e@b.c/Eve"));
}

TEST_F(Rows, AQuoteThatNeverEndsIsNamedAndSwallowsNothing) {
  std::string text = "email,name\na@b.c,\"open\n";
  for (int i = 0; i < 200'000; ++i) text += "b@b.c,filler\n";
  const auto seen = rows(text);
  ASSERT_EQ(seen.size(), 200'001u);
  EXPECT_EQ(seen[0],
            "2!the row is longer than 1 MiB; is the quote that opens in line 2 ever closed?");
  EXPECT_EQ(seen.back(), "200002:b@b.c/filler");
  EXPECT_THAT(rows("email,name\na@b.c,\"open\nb@b.c,Bob\n"),
              ElementsAre("2!the quote that opens in line 2 is never closed", "3:b@b.c/Bob"));
}

TEST_F(Rows, TheQuoteThatWentWrongIsNamedByItsLine) {
  EXPECT_THAT(rows("email,name\na@b.c,\"open\nb@b.c,\"Bob\"\nc@b.c,Cid\n"),
              ElementsAre("2!a quote stands where none may stand; quotes within a field are "
                          "doubled; is the quote that opens in line 2 closed where it should be?",
                          "3:b@b.c/Bob", "4:c@b.c/Cid"));
}

TEST_F(Rows, AHeaderThatTellsNothingStopsAndIsShown) {
  EXPECT_THAT(rows("mailbox;who\nx;y\n"),
              ElementsAre(AllOf(HasSubstr("line 1 has the columns \"mailbox\", \"who\" (separator "
                                          "\";\", UTF-8): none of them is known as the e-mail"),
                                HasSubstr("--email-column"))));
  EXPECT_THAT(rows("alice@acme.dev,Alice\n"), ElementsAre(HasSubstr("looks like a user")));
  EXPECT_THAT(rows(""), ElementsAre(HasSubstr("the file is empty")));
  EXPECT_THAT(rows("\r\n\n"), ElementsAre(HasSubstr("the file is empty")));
}

TEST_F(Rows, ACarriageReturnAloneEndsALine) {
  EXPECT_THAT(
      rows("email,name\ra@b.c,Alice\rb@b.c\r\rc@b.c,Cid\r"),
      ElementsAre("2:a@b.c/Alice", StartsWith("3!1 fields where the header has 2"), "5:c@b.c/Cid"));
  EXPECT_THAT(rows("email,name\ra@b.c,Alice\nb@b.c,Bob\r\nc@b.c,Cid"),
              ElementsAre("2:a@b.c/Alice", "3:b@b.c/Bob", "4:c@b.c/Cid"));
}

TEST_F(Rows, CarriageReturnsEndLinesInAFileOfAnySize) {
  // Rows of seven lengths: line ends fall on every side of a chunk's end.
  for (const char* end : {"\r", "\r\n"}) {
    std::string text = std::string("email,name") + end;
    for (int i = 0; i < 100'000; ++i) text += "a@b.c," + std::string(1 + i % 7, 'n') + end;
    const auto seen = rows(text);
    ASSERT_EQ(seen.size(), 100'000u);
    EXPECT_EQ(seen.back(), "100001:a@b.c/" + std::string(1 + 99'999 % 7, 'n'));
  }
}

// --- JSON

TEST_F(Rows, ObjectsAreReadAndBrokenLinesNamed) {
  const auto seen = rows(
      "{\"id\":9,\"email\":\"a@b.c\",\"name\":\"Alice\",\"tenantId\":\"x\"}\n"
      "\n"
      "{\"email\":\"b@b.c\"}\n"
      "not json\n"
      "17\n"
      "{\"email\":\"c@b.c\",\"name\":\" Cid \"}");
  ASSERT_EQ(seen.size(), 5u);
  EXPECT_EQ(seen[0], "1:a@b.c/Alice");
  EXPECT_EQ(seen[1],
            "3!of the texts \"email\": none of them is known as the name; --email-path and "
            "--name-path name them");
  EXPECT_THAT(seen[2], StartsWith("4!"));
  EXPECT_EQ(seen[3], "5!not a JSON object");
  EXPECT_EQ(seen[4], "6:c@b.c/Cid");
}

TEST_F(Rows, WhatIsForTheOtherFormIsRefused) {
  RowOptions columns, paths, delimiter;
  columns.columns.email = "mail";
  paths.paths.email = "mail";
  delimiter.delimiter = ';';
  EXPECT_THAT(rows("[{\"email\":\"a@x.dev\",\"name\":\"A\"}]", columns).at(0),
              HasSubstr("is JSON: --email-path"));
  EXPECT_THAT(rows("[{\"email\":\"a@x.dev\",\"name\":\"A\"}]", delimiter).at(0),
              HasSubstr("--delimiter are for CSV"));
  EXPECT_THAT(rows("email,name\na@x.dev,A\n", paths).at(0), HasSubstr("is CSV: --email-column"));
}

TEST_F(Rows, AMarkBeforeJsonCostsNoRecord) {
  EXPECT_THAT(rows(kMark + "{\"email\":\"a@b.c\",\"name\":\"A\"}\n"), ElementsAre("1:a@b.c/A"));
}

TEST_F(Rows, PathsMayBeNamed) {
  RowOptions options;
  for (const char* path : {"contact.box", "/contact/box"}) {
    options.paths = {path, {"who.given", "who.family"}};
    EXPECT_THAT(rows(R"({"contact":{"box":"a@b.c"},"who":{"family":"B","given":"A"}})", options),
                ElementsAre("1:a@b.c/A B"));
  }
}

TEST_F(Rows, AListWithinAnObjectIsPointedOut) {
  EXPECT_THAT(rows(R"({"users":[{"email":"a@b.c","name":"A"}]})"),
              ElementsAre(HasSubstr("jq '.users[]' FILE")));
}

TEST_F(Rows, AnEmptyArrayHasNoRows) { EXPECT_THAT(rows("[]"), IsEmpty()); }

}  // namespace
}  // namespace mesh::cli
