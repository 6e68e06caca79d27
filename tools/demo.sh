#!/usr/bin/env bash
# `./dicomhouse demo`: makes a small hospital's archive, exports it, asks three questions. Nothing outside FOLDER is touched.
#
#   tools/demo.sh BUILD_FOLDER [FOLDER]
set -euo pipefail

build=$1
folder=${2:-$build/demo}
archive=$folder/archive
export DICOMHOUSE_WAREHOUSE=$folder/warehouse

bold='' plain=''
if [ -t 1 ]; then bold=$(printf '\033[1m') plain=$(printf '\033[0m'); fi
step() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
ask() {
  step "$1"
  printf '%s\n\n' "$2"
  "$build/dicomhouse" query "$2"
}

rm -rf "$folder"
mkdir -p "$folder"
step "1. A small archive like a hospital's: CT, MR, US, SR, SEG, RTSTRUCT, ..., names in a dozen scripts, private blocks"
"$build/tools/make_dicom" hospital "$archive"

step "2. dicomhouse export $archive"
"$build/dicomhouse" export "$archive" --quiet | sed '/^Next:/,$d'

step "3. Three questions"
ask "Which scanners say a slice thickness that can't be, because the slices lie further apart?" \
  "SELECT ManufacturerModelName, SoftwareVersions[SAFE_OFFSET(0)] AS Software, SliceThickness, SpacingBetweenSlices,
       COUNT(*) AS Instances, MIN(StudyDate) AS Since
FROM metadata
WHERE Modality = 'CT' AND SAFE_CAST(SliceThickness AS FLOAT64) < SAFE_CAST(SpacingBetweenSlices AS FLOAT64)
GROUP BY 1, 2, 3, 4 ORDER BY Instances DESC"
ask "Which names do structures have, in segmentations and in radiotherapy? (nested: UNNEST)" \
  "SELECT 'SEG' AS Source, s.SegmentLabel AS Name, COUNT(*) AS Times FROM metadata, UNNEST(SegmentSequence) AS s GROUP BY 1, 2
UNION ALL
SELECT 'RTSTRUCT', r.ROIName, COUNT(*) FROM metadata, UNNEST(StructureSetROISequence) AS r GROUP BY 1, 2
ORDER BY Times DESC, Name LIMIT 10"
ask "Who are the patients whose names are not written in Latin letters alone?" \
  "SELECT PatientName.Alphabetic.FamilyName AS Alphabetic, PatientName.Ideographic.FamilyName AS Ideographic,
       PatientName.Phonetic.FamilyName AS Phonetic, ANY_VALUE(SpecificCharacterSet) AS SpecificCharacterSet, COUNT(*) AS Instances
FROM metadata
WHERE REGEXP_CONTAINS(CONCAT(PatientName.Alphabetic.FamilyName, IFNULL(PatientName.Ideographic.FamilyName, '')), '[^ -~]')
GROUP BY 1, 2, 3 ORDER BY Instances DESC LIMIT 12"

ask "And what became of the elements without a place? The account of each export is a table too:" \
  "SELECT Reason, TagPath, COUNT(*) AS Elements FROM metadata_account GROUP BY 1, 2 ORDER BY Elements DESC"

cat <<TEXT

The tables are Apache Iceberg, in $folder/warehouse: any engine reads them.
Next, with your own files:
  ./dicomhouse export ~/scans
  ./dicomhouse query "SELECT Modality, COUNT(*) AS n FROM metadata GROUP BY Modality"
TEXT
