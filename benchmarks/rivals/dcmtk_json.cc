// Peer J: DCMTK reads each header up to the pixel data and writes it as DICOM JSON to a sink that counts the bytes.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dcjson.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/oflog/oflog.h>

#include <ostream>
#include <streambuf>

#include "loop.h"

namespace {

class CountingBuffer : public std::streambuf {
 public:
  std::streamsize count() const { return count_; }

 protected:
  int overflow(int c) override {
    ++count_;
    return c == traits_type::eof() ? 0 : c;
  }
  std::streamsize xsputn(const char*, std::streamsize size) override {
    count_ += size;
    return size;
  }

 private:
  std::streamsize count_ = 0;
};

bool WriteJson(const std::string& path) {
  DcmFileFormat file;
  if (file.loadFileUntilTag(path.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength, ERM_autoDetect, DCM_PixelData).bad()) {
    return false;
  }
  CountingBuffer buffer;
  std::ostream out(&buffer);
  DcmJsonFormatCompact format(OFFalse);
  return file.getDataset()->writeJson(out, format).good() && buffer.count() > 0;
}

}  // namespace

int main(int argc, char** argv) {
  OFLog::configure(OFLogger::OFF_LOG_LEVEL);
  return rivals::Run(argc, argv, [] { return WriteJson; });
}
