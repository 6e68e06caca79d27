// Run by dicomweb_check.py: node javascript_client.js URL. Instances are there already.
global.XMLHttpRequest = require('xhr2');
const { api } = require('dicomweb-client');
const dcmjs = require('dcmjs');

let failed = 0;
function check(holds, what) {
  if (!holds) failed += 1;
  console.log((holds ? 'ok    ' : 'FAILED ') + what);
}

async function main() {
  const client = new api.DICOMwebClient({ url: process.argv[2] });
  const studies = await client.searchForStudies({ queryParams: { limit: 1000 } });
  check(studies.length > 0, `${studies.length} studies are found`);
  const nobody = await client.searchForStudies({ queryParams: { PatientID: 'nobody' } });
  check(Array.isArray(nobody) && nobody.length === 0, 'nothing is found of nobody');
  const studyInstanceUID = studies[0]['0020000D'].Value[0];
  const series = await client.searchForSeries({ studyInstanceUID });
  const seriesInstanceUID = series[0]['0020000E'].Value[0];
  const instances = await client.searchForInstances({ studyInstanceUID, seriesInstanceUID });
  const sopInstanceUID = instances[0]['00080018'].Value[0];
  check(instances.length > 0, `${instances.length} instances are found`);

  const metadata = await client.retrieveStudyMetadata({ studyInstanceUID });
  const named = dcmjs.data.DicomMetaDictionary.naturalizeDataset(metadata[0]);
  check(named.StudyInstanceUID === studyInstanceUID, 'dcmjs reads the metadata');

  const part10 = await client.retrieveInstance({ studyInstanceUID, seriesInstanceUID, sopInstanceUID });
  const read = dcmjs.data.DicomMessage.readFile(part10);
  check(read.dict['00080018'].Value[0] === sopInstanceUID, 'dcmjs reads the instance');

  // An instance that dcmjs wrote.
  const dataset = dcmjs.data.DicomMetaDictionary.naturalizeDataset(read.dict);
  dataset._meta = dcmjs.data.DicomMetaDictionary.namifyDataset(read.meta);
  dataset.SOPInstanceUID = '2.25.123456789';
  const written = dcmjs.data.datasetToDict(dataset).write();
  await client.storeInstances({ datasets: [written] });
  const back = await client.retrieveInstance({ studyInstanceUID, seriesInstanceUID, sopInstanceUID: '2.25.123456789' });
  check(Buffer.compare(Buffer.from(back), Buffer.from(written)) === 0, 'what dcmjs wrote comes back byte for byte');

  let status = 0;
  try {
    await client.retrieveInstance({ studyInstanceUID, seriesInstanceUID, sopInstanceUID: '9.9.9' });
  } catch (error) {
    status = error.status;
  }
  check(status === 404, 'what is not there is 404');
}

main().catch((error) => {
  check(false, String(error && error.stack ? error.stack : error));
}).finally(() => process.exit(failed ? 1 : 0));
