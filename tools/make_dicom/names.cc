#include "names.h"

namespace make_dicom {
namespace {

// Bytes above 0x7E and escapes are octal: they can't swallow the digits behind them as hexadecimal ones do.
// clang-format off
constexpr Name kNames[] = {
    {"", "Doe^Jane",
     "City Hospital",
     "Doe^Jane", "City Hospital", "F"},
    {"ISO_IR 100", "Buc^J\351r\364me",
     "H\364pital Saint-\311tienne",
     "Buc^Jérôme", "Hôpital Saint-Étienne", "M"},
    {"ISO_IR 100", "\304neas^R\374diger^^Dr.",
     "Universit\344tsklinikum K\366ln",
     "Äneas^Rüdiger^^Dr.", "Universitätsklinikum Köln", "M"},
    {"ISO_IR 101", "Wa\263\352sa^\246wi\352tos\263awa",
     "Szpital \243\363d\274",
     "Wałęsa^Świętosława", "Szpital Łódź", "F"},
    {"ISO_IR 144", "\273\356\332\341\325\334\321\343\340\323^\277\361\342\340^\270\322\320\335\336\322\330\347",
     "\263\336\340\336\324\341\332\320\357 \321\336\333\354\335\330\346\320 \360 1",
     "Люксембург^Пётр^Иванович", "Городская больница № 1", "M"},
    {"ISO_IR 126", "\304\351\357\355\375\363\351\357\362^\315\337\352\357\362",
     "\315\357\363\357\352\357\354\345\337\357 \301\350\347\355\376\355",
     "Διονύσιος^Νίκος", "Νοσοκομείο Αθηνών", "M"},
    {"ISO_IR 127", "\342\310\307\346\352^\344\346\322\307\321",
     "\345\323\312\324\341\351 \307\344\345\317\352\346\311",
     "قباني^لنزار", "مستشفى المدينة", "F"},
    {"ISO_IR 138", "\371\370\345\357^\343\341\345\370\344",
     "\341\351\372 \347\345\354\351\355",
     "שרון^דבורה", "בית חולים", "F"},
    {"ISO_IR 148", "\307avu\376o\360lu^I\376\375l",
     "\335stanbul \336ehir Hastanesi",
     "Çavuşoğlu^Işıl", "İstanbul Şehir Hastanesi", "F"},
    {"ISO_IR 166", "\271\322\301\312\241\330\305^\252\327\350\315",
     "\342\303\247\276\302\322\272\322\305\241\303\330\247\340\267\276",
     "นามสกุล^ชื่อ", "โรงพยาบาลกรุงเทพ", "F"},
    {"\\ISO 2022 IR 87", "Yamada^Tarou=\033$B;3ED\033(B^\033$BB@O:\033(B=\033$B$d$^$@\033(B^\033$B$\077$m$&\033(B",
     "\033$BEl5~Bg3XIB1!\033(B",
     "Yamada^Tarou=山田^太郎=やまだ^たろう", "東京大学病院", "M"},
    {"\\ISO 2022 IR 87", "Suzuki^Hanako=\033$BNkLZ\033(B^\033$B2V;R\033(B=\033$B$9$:$-\033(B^\033$B$O$J$3\033(B",
     "City Hospital \033$BBg:e\033(B",
     "Suzuki^Hanako=鈴木^花子=すずき^はなこ", "City Hospital 大阪", "F"},
    {"ISO 2022 IR 13\\ISO 2022 IR 87", "\324\317\300\336^\300\333\263=\033$B;3ED\033(J^\033$BB@O:\033(J="
     "\033$B$d$^$@\033(J^\033$B$\077$m$&\033(J",
     "\033$B5~ETIB1!\033(J",
     "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう", "京都病院", "M"},
    // The second byte of one character is 0x3D: readers that split the groups before they decode get this one wrong.
    {"\\ISO 2022 IR 87\\ISO 2022 IR 159", "Takahashi^Jun=\033$(D0!\033$B66\033(B^\033$B=_\033(B="
     "\033$B$\077$+$O$7\033(B^\033$B$8$e$s\033(B",
     "\033$(Dl\077\033$B305-G0IB1!\033(B",
     "Takahashi^Jun=丂橋^淳=たかはし^じゅん", "鷗外記念病院", "M"},
    {"\\ISO 2022 IR 149", "Hong^Gildong=\033$)C\373\363^\033$)C\321\316\324\327=\033$)C\310\253^\033$)C\261\346\265\277",
     "\033$)C\274\255\277\357\264\353\307\320\261\263\272\264\277\370",
     "Hong^Gildong=洪^吉洞=홍^길동", "서울대학교병원", "M"},
    {"\\ISO 2022 IR 149", "Kim^Huijung=\033$)C\321\321^\033$)C\375\354\361\351=\033$)C\261\350^\033$)C\310\361\301\337",
     "City Hospital",
     "Kim^Huijung=金^喜中=김^희중", "City Hospital", "F"},
    {"\\ISO 2022 IR 58", "Zhang^XiaoDong=\033$)A\325\305^\033$)A\320\241\266\253",
     "\033$)A\261\261\276\251\322\275\324\272",
     "Zhang^XiaoDong=张^小东", "北京医院", "M"},
    {"GB18030", "Wang^XiaoDong=\315\365^\320\241\266\253",
     "\311\317\272\243\2019\3571\322\275\324\272",
     "Wang^XiaoDong=王^小东", "上海㐂医院", "M"},
    {"GBK", "Li^Mei=\300\356^\303\267",
     "\217V\326\335\341t\324\272",
     "Li^Mei=李^梅", "廣州醫院", "F"},
    {"ISO_IR 192", "Wang^XiaoDong=\347\216\213^\345\260\217\346\235\261",
     "\345\234\213\347\253\213\350\207\272\347\201\243\345\244\247\345\255\270\351\206\253\351\231\242",
     "Wang^XiaoDong=王^小東", "國立臺灣大學醫院", "M"},
    {"ISO_IR 192", "Bj\303\266rk^Gu\303\260r\303\272n",
     "Landsp\303\255tali \360\237\217\245",
     "Björk^Guðrún", "Landspítali 🏥", "F"},
    {"ISO 2022 IR 100\\ISO 2022 IR 144", "M\374ller^\304nne",
     "Klinik\033-A f\374r Radiologie\033-L \272\333\330\335\330\332\320",
     "Müller^Änne", "Klinik für Radiologie Клиника", "F"},
    {"ISO_IR 109", "G\261awdex^\325or\365a",
     "Sptar \241al Luqa",
     "Għawdex^Ġorġa", "Sptar Ħal Luqa", "F"},
    {"ISO_IR 110", "\323\272ni\361\271^J\340nis",
     "R\357gas slimn\357ca",
     "Ķēniņš^Jānis", "Rīgas slimnīca", "M"},
};
// clang-format on

}  // namespace

std::span<const Name> Names() { return kNames; }

}  // namespace make_dicom
