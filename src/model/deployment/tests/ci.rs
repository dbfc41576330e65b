use super::*;

#[test]
fn jobs_are_tests_unless_they_deploy() {
    let read = read([(
        ".github/workflows/main.yml",
        "name: main\nenv:\n  SHARED: a\njobs:\n  test:\n    env:\n      FLASK_DEBUG: 1\n      SECRET_KEY: test\n    steps:\n      - run: flask run &\n  deploy:\n    environment: production\n    env:\n      FLASK_ENV: development\n    steps:\n      - name: Ship\n        env:\n          KEY: ${{ secrets.KEY }}\n        run: |\n          export FLASK_DEBUG=1\n          gunicorn shop:app\n",
    )]);
    assert_eq!(
        read.servers(),
        ["test flask run", "production gunicorn shop:app"]
    );
    assert_eq!(
        read.settings(),
        [
            "production SHARED=a",
            "test FLASK_DEBUG=1",
            "test SECRET_KEY=test",
            "production FLASK_ENV=development",
            "production KEY=outside",
            "production FLASK_DEBUG=1"
        ]
    );
    assert_eq!(
        read.deployment.processes[1].form,
        Form::Shell(Quoting::YamlBlock)
    );
    assert_eq!(
        read.slice(&read.deployment.processes[1].location),
        "gunicorn shop:app"
    );
}

#[test]
fn a_job_that_ships_deploys() {
    let stage = |step: &str| {
        let text = format!("jobs:\n  build:\n    env:\n      A: '1'\n    steps:\n      - {step}\n");
        let read = read([(".github/workflows/ci.yml", text.as_str())]);
        read.deployment.environment[0].stage
    };
    assert_eq!(stage("run: kubectl apply -f k8s/"), Stage::Production);
    assert_eq!(stage("run: helm upgrade shop chart"), Stage::Production);
    assert_eq!(
        stage("uses: akhileshns/heroku-deploy@v3"),
        Stage::Production
    );
    assert_eq!(stage("uses: peaceiris/actions-gh-pages@v3"), Stage::Test);
    assert_eq!(stage("run: pytest"), Stage::Test);
    assert_eq!(stage("run: echo kubectl-apply"), Stage::Test);
}

#[test]
fn gitlab_jobs() {
    let read = read([(
        ".gitlab-ci.yml",
        "variables:\n  FLASK_DEBUG: \"1\"\n  KEY:\n    value: dev\n    description: x\ntest:\n  variables: {A: \"1\"}\n  script:\n    - pytest\ndeploy-prod:\n  stage: deploy\n  environment: {name: production}\n  script:\n    - FLASK_ENV=development flask run\n",
    )]);
    assert_eq!(
        read.settings(),
        [
            "production FLASK_DEBUG=1",
            "production KEY=dev",
            "test A=1",
            "production FLASK_ENV=development"
        ]
    );
    assert_eq!(read.servers(), ["production flask run"]);
}

#[test]
fn jenkins_stages() {
    let read = read([(
        "Jenkinsfile",
        "pipeline {\n  environment {\n    FLASK_DEBUG = '1'\n    KEY = credentials('key')\n  }\n  stages {\n    stage('Test') { steps { sh 'FLASK_ENV=testing pytest' } }\n    stage('Deploy') {\n      environment { FLASK_ENV = 'development' }\n      steps { sh 'gunicorn shop:app' }\n    }\n  }\n}\n",
    )]);
    assert_eq!(
        read.settings(),
        [
            "production FLASK_DEBUG=1",
            "production KEY=outside",
            "test FLASK_ENV=testing",
            "production FLASK_ENV=development"
        ]
    );
    let process = read.only();
    assert_eq!(
        read.environment(process),
        ["FLASK_DEBUG=1", "KEY=outside", "FLASK_ENV=development"]
    );
    assert_eq!(process.form, Form::Shell(Quoting::Groovy('\'')));
}

#[test]
fn platforms() {
    let read = read([
        (
            "app.json",
            "{\n  \"env\": {\n    \"FLASK_DEBUG\": \"1\",\n    \"SECRET_KEY\": {\"generator\": \"secret\"},\n    \"A\": {\"value\": \"x\", \"required\": false}\n  },\n  \"environments\": {\"test\": {\"env\": {\"B\": \"2\"}}}\n}\n",
        ),
        (
            "app.yaml",
            "runtime: python312\nentrypoint: gunicorn -b :$PORT main:app\nenv_variables:\n  FLASK_DEBUG: '1'\n",
        ),
        (
            "render.yaml",
            "services:\n  - type: web\n    name: shop\n    startCommand: flask run\n    envVars:\n      - key: FLASK_ENV\n        value: development\n      - key: KEY\n        generateValue: true\n",
        ),
        ("heroku.yml", "run:\n  web: gunicorn shop:app\n"),
        (
            "fly.toml",
            "[env]\nFLASK_DEBUG = \"1\"\nPORT = 80\n[processes]\nweb = \"gunicorn shop:app\"\n",
        ),
    ]);
    assert_eq!(
        read.servers(),
        [
            "production gunicorn main:app",
            "production gunicorn shop:app",
            "production gunicorn shop:app",
            "production flask run"
        ]
    );
    assert_eq!(
        read.settings(),
        [
            "production FLASK_DEBUG=1",
            "production SECRET_KEY=outside",
            "production A=x",
            "test B=2",
            "production FLASK_DEBUG=1",
            "production FLASK_DEBUG=1",
            "production PORT=80",
            "production FLASK_ENV=development",
            "production KEY=outside"
        ]
    );
}
