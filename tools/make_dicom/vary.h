// Makes every value of a data set differ from those of all other instances.
#pragma once

#include <cstdint>

#include "data_set.h"
#include "random.h"

namespace make_dicom {

// `number`: of the instance. Left alone: character set, pixel description and pixels, SOP class, private creators: they say how
// the rest is read. VRs with few possible values (AS, US ...) differ as far as they can.
void VaryAll(DataSet& data_set, uint64_t number, Random& random);

}  // namespace make_dicom
