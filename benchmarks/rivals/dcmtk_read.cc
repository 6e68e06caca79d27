// Peer D: DCMTK reads each header up to the pixel data and does nothing with it.
#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/oflog/oflog.h>

#include "loop.h"

int main(int argc, char** argv) {
  OFLog::configure(OFLogger::OFF_LOG_LEVEL);
  return rivals::Run(argc, argv, [] {
    return [](const std::string& path) {
      DcmFileFormat file;
      return file.loadFileUntilTag(path.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength, ERM_autoDetect, DCM_PixelData)
          .good();
    };
  });
}
