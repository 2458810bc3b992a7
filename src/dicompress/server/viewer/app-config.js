// OHIF's configuration: our DICOMweb, and of each image an early picture before the exact one (docs/service.md).
{
  const root = location.origin;
  const LOSSY = 7; // ImageQualityStatus of cornerstone: to be replaced by what is exact

  window.config = {
    routerBasename: null,
    extensions: [],
    modes: [],
    showStudyList: false, // ours is at /
    showLoadingIndicator: true,
    showCPUFallbackMessage: true,
    showWarningMessageForCrossOrigin: false,
    strictZSpacingForVolumeViewport: true,
    maxNumberOfWebWorkers: 3,
    // Few at a time: on a thin line whatever is fetched in advance keeps what is looked at waiting.
    maxNumRequests: { interaction: 4, thumbnail: 2, prefetch: 2 },
    customizationService: [{ 'ohif.tours': { $set: [] } }],
    whiteLabeling: {
      createLogoComponentFn: React =>
        React.createElement('a', { href: '/', style: { color: '#fff', fontSize: '1.1rem', whiteSpace: 'nowrap' } }, '← Studies'),
    },
    httpErrorHandler: error => {
      if (error.status === 401) {
        location.assign('/login');
      }
    },
    defaultDataSourceName: 'dicompress',
    dataSources: [
      {
        namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
        sourceName: 'dicompress',
        configuration: {
          friendlyName: 'dicompress',
          name: 'dicompress',
          wadoUriRoot: root,
          qidoRoot: root,
          wadoRoot: root,
          qidoSupportsIncludeField: true,
          supportsFuzzyMatching: false,
          supportsWildcard: true,
          imageRendering: 'wadors',
          thumbnailRendering: 'thumbnailDirect', // JPEG, not whole frames
          enableStudyLazyLoad: true,
          bulkDataURI: { enabled: true, relativeResolution: 'studies' },
          omitQuotationForMultipartRequest: true,
          stackRetrieveOptions: {
            $set: {
              stages: [
                { id: 'early', retrieveType: 'early' },
                { id: 'exact', retrieveType: 'exact' },
              ],
              // The first is also how a series is fetched in advance.
              retrieveOptions: {
                early: { framesPath: '/early/', imageQualityStatus: LOSSY, decodeLevel: 0 },
                exact: {},
              },
            },
          },
        },
      },
    ],
  };

  for (const name of ['sign', 'ahead']) {
    const script = document.createElement('script');
    script.src = `/dicompress/${name}.js`;
    document.head.append(script);
  }
}
